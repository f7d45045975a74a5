using System.Net;
using System.Net.Sockets;
using System.Text;
using EstProv.Est.Tests.Support;
using EstProv.Messages;
using EstProv.Platform.Network;

namespace EstProv.Est.Tests;

/// <summary>Connections through an HTTP proxy.</summary>
public sealed class ProxyTests
{
    /// <summary>Resolves nowhere: only the proxy knows it.</summary>
    private const string Host = "est.invalid";

    [Test]
    public async Task The_server_is_reached_and_verified_through_the_proxy_which_sees_host_and_port_alone()
    {
        using var est = Fixture();
        using var identity = est.Issuing.Client("device-1");
        var server = est.Serve(new ScriptedServer(est.ServerCertificate, request => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10)))) { ClientRoot = est.Root.Public });
        using var proxy = new TestProxy();

        var result = await est.Client(Through(est, proxy.Port, server) with { ClientCertificate = est.Issuing.Context(identity) }).EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        Assert.That(result, Is.InstanceOf<EstEnrollment.Issued>());
        Assert.That(proxy.Heads, Is.EqualTo([$"CONNECT {Host}:{server.Port} HTTP/1.1\r\nHost: {Host}:{server.Port}\r\nUser-Agent: EstProv\r\n\r\n"]));
    }

    [Test]
    public async Task A_bound_session_goes_through_the_proxy_too()
    {
        using var est = Fixture();
        var server = est.Serve(_ => Answer.Http(202, null, ""));
        using var proxy = new TestProxy();

        await est.Client(Through(est, proxy.Port, server)).EnrollBoundAsync(_ => est.Csr, EstOperation.Simple, CancellationToken.None);

        Assert.That(proxy.Heads, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task The_proxy_is_told_who_we_are_and_the_server_is_not_told_the_same()
    {
        using var est = Fixture();
        var server = est.Serve(_ => Answer.Status(404));
        using var proxy = new TestProxy();

        var problem = await est.FailureAsync(Through(est, proxy.Port, server, "me%40work:pa%3Ass@"));

        Assert.That(problem.Code, Is.EqualTo("est_not_found"));
        Assert.That(proxy.Heads[0], Does.Contain("\r\nProxy-Authorization: Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("me@work:pa:ss")) + "\r\n"));
        Assert.That(server.Requests[0].Headers.Keys, Has.None.StartsWith("Proxy"));
    }

    [TestCase("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\n", "", "asks who we are (HTTP 407)", "USER:PASSWORD@")]
    [TestCase("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "user:secret@", "does not take our user and password (HTTP 407)", "check both", "est_proxy-password")]
    [TestCase("HTTP/1.0 403 Forbidden\r\n\r\n", "", "forbids connections to est.invalid:", "allow CONNECT", "est_proxy")]
    [TestCase("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno\n", "", "does not connect to est.invalid:", "reach the server")]
    [TestCase("SSH-2.0-OpenSSH_9.2p1\r\n\r\n", "", "is not HTTP", "host and port")]
    [TestCase("HTTP/1.1 2000 OK\r\n\r\n", "", "is not HTTP", "host and port")]
    [TestCase("", "", "closed the connection when asked for est.invalid:", "proxy's log")]
    public async Task A_proxy_that_refuses_is_named_with_what_to_do(string answer, string user, string what, string hint, string? message = null)
    {
        using var est = Fixture();
        var server = est.Serve(_ => Answer.Status(404));
        using var proxy = new TestProxy(answer);

        var problem = await est.FailureAsync(Through(est, proxy.Port, server, user));

        Assert.That(problem.Code, Is.EqualTo("est_proxy"));
        Assert.That(problem.Message, Does.Contain($"proxy 127.0.0.1:{proxy.Port}").And.Contains(what).And.Contains($"POST https://{Host}:{server.Port}/").And.Contains("'bootstrap'"));
        Assert.That(problem.Hint, Does.Contain(hint));
        Assert.That(problem.ToTerminalText() + string.Join('\n', est.Logger.Lines), Does.Not.Contain("secret"));
        Assert.That(server.Connections, Is.Zero);
        if (message is not null) Message.Shown(message, problem, ($"{Host}:{server.Port}", $"{Host}:PORT"));
    }

    [Test]
    public async Task An_endless_answer_of_a_proxy_is_not_read_to_its_end()
    {
        using var est = Fixture();
        using var proxy = new TestProxy("HTTP/1.1 200 OK\r\n" + new string('x', 20_000));

        Assert.That((await est.FailureAsync(Through(est, proxy.Port, est.Serve(_ => Answer.Status(404))))).Message, Does.Contain("is not HTTP"));
    }

    [Test]
    public async Task A_proxy_that_is_not_there_is_named_not_the_server()
    {
        using var est = Fixture();
        int port;
        using (var taken = new TcpListener(IPAddress.Loopback, 0))
        {
            taken.Start();
            port = ((IPEndPoint)taken.LocalEndpoint).Port;
        }

        var server = est.Serve(_ => Answer.Status(404));
        var problem = await est.FailureAsync(Through(est, port, server));
        var unknown = await est.FailureAsync(est.At(443, host: Host) with { Proxies = ProxyChoice.Always("http://proxy.invalid:3128", "a test") });

        Assert.That((problem.Code, unknown.Code), Is.EqualTo(("est_proxy", "est_proxy")));
        Assert.That(problem.Message, Does.Contain($"connection refused by the proxy 127.0.0.1:{port}"));
        Message.Shown("est_proxy-not-there", problem, ($"{Host}:{server.Port}", $"{Host}:PORT"));
        Assert.That(unknown.Message, Does.Contain("the proxy's host name 'proxy.invalid' cannot be resolved"));
    }

    [Test]
    public async Task A_proxy_that_does_not_answer_is_what_the_time_out_names()
    {
        using var est = Fixture();
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = ((IPEndPoint)silent.LocalEndpoint).Port;

        var failing = est.FailureAsync(est.At(443, host: Host) with { Proxies = ProxyChoice.Always($"127.0.0.1:{port}", "a test") });
        using var client = await silent.AcceptSocketAsync();
        Assert.That(client.Receive(new byte[8]), Is.EqualTo(8), "now it waits for the answer");
        est.Time.Advance(TimeSpan.FromSeconds(31));
        var problem = await failing;

        Assert.That(problem.Code, Is.EqualTo("est_timeout"));
        Assert.That(problem.Message, Does.Contain($"the proxy 127.0.0.1:{port} has not connected to {Host}:443"));
    }

    [Test]
    public async Task What_is_no_proxy_is_told_and_not_gone_round()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(404));

        var problem = await est.FailureAsync(est.At(server) with { Proxies = ProxyChoice.Always("socks5://user:secret@localhost:1080", "https_proxy") });

        Message.Shown("proxy_bad_url", problem);
        Assert.That(problem.ToTerminalText(), Does.Not.Contain("secret"));
        Assert.That(server.Connections, Is.Zero);
    }

    [Test]
    public async Task What_the_exceptions_name_is_reached_directly()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(404));
        using var proxy = new TestProxy();
        var choice = ProxyChoice.OfEnvironment(name => name switch
        {
            "HTTPS_PROXY" => $"http://127.0.0.1:{proxy.Port}",
            "NO_PROXY" => "localhost",
            _ => null,
        });

        Assert.That((await est.FailureAsync(est.At(server) with { Proxies = choice })).Code, Is.EqualTo("est_not_found"));
        Assert.That(proxy.Heads, Is.Empty);
    }

    private static EstFixture Fixture()
    {
        var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server([Host]));
        return est;
    }

    private static EstServer Through(EstFixture est, int port, ScriptedServer server, string user = "") =>
        est.At(server, host: Host) with { Proxies = ProxyChoice.Always($"http://{user}127.0.0.1:{port}", "a test") };
}
