using System.Net;
using System.Net.Sockets;
using EstProv.Est.Tests.Support;
using EstProv.Messages;

namespace EstProv.Est.Tests;

/// <summary>No answer at all: each cause has its own words.</summary>
public sealed class UnreachableTests
{
    private static Answer NothingMoreNeeded(ReceivedRequest request) => Answer.Status(404);

    [Test]
    public async Task A_server_that_is_down_is_a_refused_connection_and_all_is_well_when_it_is_up()
    {
        using var est = new EstFixture();
        int port;
        using (var taken = new TcpListener(IPAddress.Loopback, 0))
        {
            taken.Start();
            port = ((IPEndPoint)taken.LocalEndpoint).Port;
        }

        var client = est.Client(est.At(port));

        var problem = await est.FailureAsync(client);

        Assert.That(problem.Code, Is.EqualTo("est_unreachable"));
        Assert.That(problem.Message, Does.Contain($"https://localhost:{port}/.well-known/est/simpleenroll").And.Contains("connection refused").And.Contains("bootstrap"));
        Message.Shown("est_unreachable", problem);

        est.Serve(new ScriptedServer(est.ServerCertificate, NothingMoreNeeded, port));
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_not_found"));
    }

    [Test]
    public async Task A_host_name_that_does_not_resolve_is_told()
    {
        using var est = new EstFixture();

        var problem = await est.FailureAsync(est.At(443, host: "nowhere.invalid"));

        Assert.That(problem.Code, Is.EqualTo("est_dns"));
        Assert.That(problem.Message, Does.Contain("'nowhere.invalid'"));
        Message.Shown("est_dns", problem);
    }

    [Test]
    public async Task A_reset_before_TLS_is_told()
    {
        using var est = new EstFixture();
        var server = est.Serve(NothingMoreNeeded);
        server.BeforeTls = _ => false;

        var problem = await est.FailureAsync(est.At(server));

        // In which words depends on how far the handshake has come.
        Assert.That(problem.Code, Is.EqualTo("est_reset"));
    }

    [Test]
    public async Task Something_that_does_not_speak_TLS_is_told()
    {
        using var est = new EstFixture();
        var server = est.Serve(NothingMoreNeeded);
        server.BeforeTls = connection =>
        {
            connection.GetStream().Write("HTTP/1.0 400 Bad Request\r\n\r\n"u8);
            return true;
        };

        var problem = await est.FailureAsync(est.At(server));

        Message.Shown("est_tls", problem);
    }

    [Test]
    public async Task What_was_wrong_with_a_server_before_is_not_told_again()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server(["other.example"]));
        var server = est.Serve(NothingMoreNeeded);
        var client = est.Client(est.At(server));
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_tls_name"));

        server.BeforeTls = connection =>
        {
            // Reset during the handshake, after the ClientHello.
            _ = connection.GetStream().ReadAtLeast(new byte[16 * 1024], 1);
            return false;
        };
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_reset"));
    }

    [Test]
    public async Task A_connection_closed_after_the_request_is_told()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => new Answer([], Close: true));

        var problem = await est.FailureAsync(est.At(server));

        Message.Shown("est_reset", problem);
        Assert.That(server.Requests, Has.Count.EqualTo(1), "a POST is never sent twice");
    }

    [Test]
    public async Task A_server_that_takes_the_request_and_never_answers_is_a_time_out()
    {
        using var est = new EstFixture();
        using var release = new ManualResetEventSlim();
        using var asked = new ManualResetEventSlim();
        var server = est.Serve(_ =>
        {
            asked.Set();
            release.Wait();
            return Answer.Status(404);
        });

        var failing = est.FailureAsync(est.At(server));
        asked.Wait();
        est.Time.Advance(TimeSpan.FromSeconds(31));
        var problem = await failing;
        release.Set();

        Assert.That(problem.Code, Is.EqualTo("est_timeout"));
        Assert.That(problem.Message, Does.Contain("no answer within 30 s: the connection stands"));
        Message.Shown("est_timeout", problem);
    }

    [Test]
    public async Task A_server_that_does_not_finish_the_handshake_is_a_time_out()
    {
        using var est = new EstFixture();
        using var release = new ManualResetEventSlim();
        using var connected = new ManualResetEventSlim();
        var server = est.Serve(NothingMoreNeeded);
        server.BeforeTls = connection =>
        {
            // The first byte of the ClientHello: now the client is in the handshake.
            connection.Client.Receive(new byte[1], SocketFlags.Peek);
            connected.Set();
            release.Wait();
            return false;
        };

        var failing = est.FailureAsync(est.At(server));
        connected.Wait();
        est.Time.Advance(TimeSpan.FromSeconds(31));
        var problem = await failing;
        release.Set();

        Assert.That(problem.Code, Is.EqualTo("est_timeout"));
        Assert.That(problem.Message, Does.Contain("no answer within 30 s: the TLS handshake was begun"));
        Message.Shown("est_timeout-handshake", problem);
    }

    [Test]
    public async Task A_host_that_takes_no_connection_is_a_time_out_even_after_it_was_there()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Http(404, null, [], "HTTP/1.1", close: true, "Connection: close"));
        var client = est.Client(est.At(server) with { Timeout = TimeSpan.FromSeconds(2) });
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_not_found"));
        server.Dispose();
        // A listener whose queue is full drops what comes: for a client that is a host which does not answer.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, server.Port));
        full.Listen(0);
        using var waiting = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await waiting.ConnectAsync(IPAddress.Loopback, server.Port);

        var problem = await est.FailureAsync(client);

        Assert.That(problem.Code, Is.EqualTo("est_timeout"));
        Assert.That(problem.Message, Does.Contain("does not accept the connection"));
    }

    [Test]
    public async Task A_callers_cancellation_is_no_problem_of_the_servers()
    {
        using var est = new EstFixture();
        using var release = new ManualResetEventSlim();
        using var asked = new ManualResetEventSlim();
        using var cancel = new CancellationTokenSource();
        var server = est.Serve(_ =>
        {
            asked.Set();
            release.Wait();
            return Answer.Status(404);
        });

        var enrolling = est.Client(est.At(server)).EnrollAsync(est.Csr, EstOperation.Simple, cancel.Token);
        asked.Wait();
        await cancel.CancelAsync();

        await Assert.CatchAsync<OperationCanceledException>(() => enrolling);
        release.Set();
    }
}
