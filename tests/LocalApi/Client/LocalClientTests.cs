using System.Net.Sockets;
using System.Text;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Server;
using EstProv.LocalApi.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.LocalApi.Tests.Client;

public sealed class LocalClientTests
{
    private const string Plain = "/plain?api-version=2020-09-01";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);
    private static readonly (string, string) s_ownUid = ($"uid {Users.Self},", "uid UID,");

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
    public void Large_answers_come_whole()
    {
        using var server = new TestServer().Map("GET", "/large", static (_, response) => response.Bytes(Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31)).ToArray(), "application/octet-stream")).Start();
        using var client = Connect(server.SocketPath);
        Assert.That(client.Send("GET", "/large?api-version=2020-09-01").Body, Is.EqualTo(Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31)).ToArray()));
        Assert.That(client.Send("GET", Plain).Body, Is.EqualTo("plain"u8.ToArray()));
    }

    [Test]
    public void Answers_without_content_are_answers()
    {
        using var server = new TestServer().Map("DELETE", "/key", static (_, response) => response.NoContent()).Start();
        using var client = Connect(server.SocketPath);
        Assert.That(client.Send("DELETE", "/key?api-version=2020-09-01").Status, Is.EqualTo(204));
        Assert.That(client.Send("GET", Plain).Status, Is.EqualTo(200));
    }

    [Test]
    public void Connections_are_kept_and_used_again()
    {
        using var server = new TestServer().Start();
        using var client = Connect(server.SocketPath);
        for (var i = 0; i < 50; i++) client.Send("GET", Plain);
        Assert.That(server.Server.Connections.Count, Is.EqualTo(1));
    }

    [Test]
    public void Many_threads_share_a_client()
    {
        using var server = new TestServer(options => options with { MaxRequestsPerUid = 100 }).Start();
        using var client = Connect(server.SocketPath);
        var failures = 0;
        var threads = Enumerable.Range(0, 8).Select(thread => new Thread(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                var body = Encoding.ASCII.GetBytes($"{thread}/{i}");
                if (!client.Send("POST", "/echo?api-version=2020-09-01", body).Body.AsSpan().SequenceEqual(body)) Interlocked.Increment(ref failures);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.That(failures, Is.Zero);
        Eventually.Is(() => server.Server.Connections.Count <= 4, "a few are kept, the rest closed");
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
            Assert.That(client.Send("GET", Plain).Status, Is.EqualTo(200));
        });
    }

    [TestCase("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", "keyd_error", "the Key Service answered GET /plain with status 500")]
    [TestCase("HTTP/1.1 404 X\r\nContent-Length: 21\r\n\r\n{\"message\":\"no such\"}", "keyd_error", "no such")]
    [TestCase("HTTP/1.1 404 X\r\nContent-Length: 13\r\n\r\n{\"message\":7}", "keyd_error", "the Key Service answered GET /plain with status 404")]
    [TestCase("HTTP/1.1 404 X\r\nContent-Length: 32\r\n\r\n{\"code\":\"c\",\"message\":\"m\",\"x\":{}}", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "keyd_bad_answer", null)]
    [TestCase("SSH-2.0-OpenSSH_9\r\n\r\n", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 99 OK\r\nContent-Length: 2\r\n\r\nok", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 200 OK\r\n\r\nok", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nok", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\nok", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n folded\r\n\r\nok", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", "keyd_bad_answer", null)]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "keyd_unreachable", "the connection was closed")]
    [TestCase("", "keyd_unreachable", "the connection was closed")]
    public void Whatever_a_server_sends_ends_in_a_clear_problem(string answer, string code, string? says)
    {
        using var server = new ScriptedServer([answer]);
        using var client = Connect(server.SocketPath);
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", Plain));
        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo(code));
            if (says is not null) Assert.That(problem.Message, Does.EndWith(says));
            if (code != "keyd_error") Assert.That(problem.Message, Does.Contain(server.SocketPath));
            Assert.That(server.Connections, Is.EqualTo(1), "nothing is sent twice on a fresh connection");
        });
    }

    [Test]
    public void An_interim_answer_is_skipped()
    {
        using var server = new ScriptedServer(["HTTP/1.1 100 Continue\r\n\r\n" + Ok]);
        using var client = Connect(server.SocketPath);
        Assert.That(client.Send("GET", Plain).Body, Is.EqualTo("ok"u8.ToArray()));
    }

    [Test]
    public void A_kept_connection_that_was_closed_is_replaced_once()
    {
        using var server = new ScriptedServer([Ok], [Ok], [""]);
        using var client = Connect(server.SocketPath);
        client.Send("GET", Plain);
        Assert.That(client.Send("GET", Plain).Status, Is.EqualTo(200));
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", Plain));
        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo("keyd_unreachable"));
            Assert.That(server.Connections, Is.EqualTo(3));
        });
    }

    [Test]
    public void A_connection_that_the_server_wants_closed_is_not_used_again()
    {
        using var server = new ScriptedServer([Ok.Replace("\r\n\r\n", "\r\nConnection: Close\r\n\r\n", StringComparison.Ordinal), null], [Ok]);
        using var client = Connect(server.SocketPath);
        client.Send("GET", Plain);
        Assert.That(client.Send("GET", Plain, timeout: TimeSpan.FromSeconds(2)).Status, Is.EqualTo(200));
    }

    [Test]
    public void A_kept_connection_that_breaks_within_an_answer_is_not_asked_again()
    {
        using var server = new ScriptedServer([Ok, "HTTP/1.1 200"], [Ok]);
        using var client = Connect(server.SocketPath);
        client.Send("GET", Plain);
        Assert.That(Assert.Throws<ProblemException>(() => client.Send("GET", Plain)).Code, Is.EqualTo("keyd_unreachable"));
        Assert.That(server.Connections, Is.EqualTo(1));
    }

    [Test]
    public void A_server_that_does_not_answer_is_given_up()
    {
        using var server = new ScriptedServer([[null]]);
        using var client = Connect(server.SocketPath);
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", Plain, timeout: TimeSpan.FromMilliseconds(50)));
        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo("keyd_unreachable"));
            Message.Shown("keyd_unreachable-busy", problem, RunFolder(server.SocketPath));
        });
    }

    [Test]
    public void A_restarted_server_is_reached_again_without_an_error()
    {
        using var server = new TestServer().Start();
        using var client = Connect(server.SocketPath);
        Assert.That(client.Send("GET", Plain).Status, Is.EqualTo(200));
        server.Server.Stop();
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", Plain));
        Assert.That(problem.Message, Does.EndWith("no such file"));
        using var second = new LocalServer(new LocalServerOptions { SocketPath = server.SocketPath }, server.Logger, server.Time);
        second.Map("GET", "/plain", [TestServer.Version], static (_, response) => response.Bytes("second"u8, "text/plain"));
        second.Start();
        Assert.That(client.Send("GET", Plain).Body, Is.EqualTo("second"u8.ToArray()));
    }

    [Test]
    public void A_missing_socket_is_named_with_a_hint()
    {
        using var client = Connect("/nowhere/keyd.sock");
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", Plain));
        Message.Shown("keyd_unreachable", problem, RunFolder("/nowhere/x"));
        Assert.That(problem.Status, Is.EqualTo(503));
    }

    [Test]
    public void A_server_of_another_user_is_not_spoken_to()
    {
        using var server = new TestServer().Start();
        using var client = new LocalClient(server.SocketPath, "estprov-nobody-here", "Key Service", TimeSpan.FromMilliseconds(100)) { OwnUid = 4_000_000_000 };
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", Plain));
        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo("keyd_wrong_user"));
            Message.Shown("keyd_wrong_user-no-user", problem, RunFolder(server.SocketPath), ("estprov-nobody-here", "estprov-keyd"), s_ownUid);
        });
    }

    [TestCase("certd", "Certificates Service", "certd_unreachable")]
    [TestCase("identityd", "Identity Service", "identityd_unreachable")]
    public void Each_daemon_that_is_not_there_is_named(string daemon, string service, string shown)
    {
        using var client = new LocalClient($"/nowhere/{daemon}.sock", $"estprov-{daemon}", service, Timeout);
        Message.Shown(shown, Assert.Throws<ProblemException>(() => client.Send("GET", Plain))!, RunFolder("/nowhere/x"));
    }

    [TestCase("keyd", "Key Service", "keyd_wrong_user")]
    [TestCase("certd", "Certificates Service", "certd_wrong_user")]
    [TestCase("identityd", "Identity Service", "identityd_wrong_user")]
    public void Each_daemon_in_whose_place_another_user_listens_is_named(string daemon, string service, string shown)
    {
        using var server = new TestServer(name: daemon).Start();
        using var client = new LocalClient(server.SocketPath, "nobody", service, TimeSpan.FromMilliseconds(100)) { OwnUid = 4_000_000_000 };
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", Plain));
        Message.Shown(shown, problem, RunFolder(server.SocketPath), ("by nobody", $"by estprov-{daemon}"), s_ownUid);
    }

    [TestCase("keyd", "Key Service", "keyd_bad_answer")]
    [TestCase("certd", "Certificates Service", "certd_bad_answer")]
    [TestCase("identityd", "Identity Service", "identityd_bad_answer")]
    public void Each_daemon_in_whose_place_something_else_answers_is_named(string daemon, string service, string shown)
    {
        using var server = new ScriptedServer(daemon, [["SSH-2.0-OpenSSH_9\r\n\r\n"]]);
        using var client = new LocalClient(server.SocketPath, $"estprov-{daemon}", service, Timeout);
        Message.Shown(shown, Assert.Throws<ProblemException>(() => client.Send("GET", Plain))!, RunFolder(server.SocketPath));
    }

    [TestCase("keyd", "Key Service", "keyd_error")]
    [TestCase("certd", "Certificates Service", "certd_error")]
    [TestCase("identityd", "Identity Service", "identityd_error")]
    public void Each_daemon_that_fails_without_a_word_is_named(string daemon, string service, string shown)
    {
        using var server = new ScriptedServer(daemon, [["HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"]]);
        using var client = new LocalClient(server.SocketPath, $"estprov-{daemon}", service, Timeout);
        Message.Shown(shown, Assert.Throws<ProblemException>(() => client.Send("GET", Plain))!, RunFolder(server.SocketPath));
    }

    [Test]
    public void Who_is_not_in_the_group_is_told_so()
    {
        using var server = new TestServer().Start();
        using var client = Connect(server.SocketPath);
        var problem = AsUid.Run(65_001, () => Assert.Throws<ProblemException>(() => client.Send("GET", Plain)));
        Message.Shown("keyd_unreachable-permission", problem!, RunFolder(server.SocketPath));
    }

    [Test]
    public void A_socket_that_a_crash_left_is_no_daemon()
    {
        var folder = Directory.CreateTempSubdirectory("estprov-local-api");
        using var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        dead.Bind(new UnixDomainSocketEndPoint(folder.FullName + "/keyd.sock"));
        using var client = Connect(folder.FullName + "/keyd.sock");
        var problem = Assert.Throws<ProblemException>(() => client.Send("GET", Plain));
        Message.Shown("keyd_unreachable-refused", problem, RunFolder(folder.FullName + "/x"));
        folder.Delete(recursive: true);
    }

    [Test]
    public void The_named_user_is_trusted()
    {
        using var server = new TestServer().Start();
        using var client = new LocalClient(server.SocketPath, Users.NameOf(Users.Self)!, "Key Service", Timeout) { OwnUid = 4_000_000_000 };
        Assert.That(client.Send("GET", Plain).Status, Is.EqualTo(200));
    }

    [TestCase("plain")]
    [TestCase("")]
    [TestCase("/a b")]
    [TestCase("/a\r\nX: y")]
    [TestCase("/é")]
    public void A_target_that_is_not_encoded_is_the_callers_mistake(string target)
    {
        using var client = Connect("/nowhere/keyd.sock");
        Assert.Throws<ArgumentException>(() => client.Send("GET", target));
    }

    private static (string, string) RunFolder(string socketPath) => (Path.GetDirectoryName(socketPath)!, "/run/estprov");

    private static LocalClient Connect(string path) => new(path, "estprov-keyd", "Key Service", Timeout);
}
