using System.Text;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Server;
using EstProv.LocalApi.Tests.Support;
using EstProv.Platform;

namespace EstProv.LocalApi.Tests.Client;

public sealed class LocalClientTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    [Test]
    public void Body_and_headers_go_there_and_back()
    {
        using var server = new TestServer().Map("POST", "/with-header", static (request, response) =>
        {
            response.Header("Estprov-Key-Handle", "v1.abc");
            response.Status = 201;
            response.Bytes(Encoding.ASCII.GetBytes($"{request.Accept} {request.ContentType} {request.Body.Length} {request.Peer.Pid == Environment.ProcessId}"), "text/plain");
        }).Start();
        using var client = Connect(server.SocketPath);
        var reply = client.Send("POST", "/with-header?api-version=2020-09-01", "12345"u8, "application/octet-stream", "application/json");
        Assert.Multiple(() =>
        {
            Assert.That(reply.Status, Is.EqualTo(201));
            Assert.That(reply.ContentType, Is.EqualTo("text/plain"));
            Assert.That(reply.Header("estprov-key-handle"), Is.EqualTo("v1.abc"));
            Assert.That(Encoding.ASCII.GetString(reply.Body), Is.EqualTo("application/json application/octet-stream 5 True"));
        });
    }

    [Test]
    public void An_error_answer_becomes_the_daemons_own_problem()
    {
        using var server = new TestServer().Map("GET", "/no", static (_, _) => throw new ProblemException("key_not_found", "there is no key 'x'", "look", 404) { RetryAfter = TimeSpan.FromSeconds(7) }).Start();
        using var client = Connect(server.SocketPath);
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", "/no?api-version=2020-09-01"));
        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo("key_not_found"));
            Assert.That(problem.Message, Is.EqualTo("there is no key 'x'"));
            Assert.That(problem.Hint, Is.EqualTo("look"));
            Assert.That(problem.Status, Is.EqualTo(404));
            Assert.That(problem.RetryAfter, Is.EqualTo(TimeSpan.FromSeconds(7)));
        });
    }

    [Test]
    public void A_restarted_server_is_reached_again_without_an_error()
    {
        using var server = new TestServer().Start();
        using var client = Connect(server.SocketPath);
        Assert.That(client.Send("GET", "/plain?api-version=2020-09-01").Status, Is.EqualTo(200));
        server.Server.Stop();
        using var second = new LocalServer(new LocalServerOptions { SocketPath = server.SocketPath }, server.Logger, server.Time);
        second.Map("GET", "/plain", [TestServer.Version], static (_, response) => response.Bytes("second"u8, "text/plain"));
        second.Start();
        Assert.That(client.Send("GET", "/plain?api-version=2020-09-01").Body, Is.EqualTo("second"u8.ToArray()));
    }

    [Test]
    public void A_missing_socket_is_named_with_a_hint()
    {
        using var client = Connect("/nowhere/keyd.sock");
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", "/plain"));
        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo("keyd_unreachable"));
            Assert.That(problem.Message, Is.EqualTo("cannot reach the Key Service at /nowhere/keyd.sock: no such file"));
            Assert.That(problem.Hint, Is.EqualTo("is estprov-keyd running? systemctl status estprov-keyd"));
            Assert.That(problem.Status, Is.EqualTo(503));
        });
    }

    private static LocalClient Connect(string path) => new(path, "estprov-keyd", "Key Service", Timeout);
}
