using System.Security.Authentication;
using EstProv.Est.Tests.Support;
using EstProv.Messages;

namespace EstProv.Est.Tests;

/// <summary>Our certificate as TLS client, and what is said when it is refused.</summary>
public sealed class TlsClientTests
{
    private static Answer NothingMoreNeeded(ReceivedRequest request) => Answer.Status(404);

    [TestCase(SslProtocols.Tls12)]
    [TestCase(SslProtocols.Tls13)]
    public async Task The_client_certificate_goes_with_its_intermediates(SslProtocols protocol)
    {
        using var est = new EstFixture();
        var server = est.Serve(new ScriptedServer(est.ServerCertificate, NothingMoreNeeded) { Protocols = protocol, ClientRoot = est.Root.Public });
        using var identity = est.Issuing.Client("device-1");

        await est.FailureAsync(est.At(server) with { ClientCertificate = est.Issuing.Context(identity) });

        Assert.That(server.Requests[0].ClientCertificate!.Subject, Is.EqualTo("CN=device-1"));
        Assert.That(server.Requests[0].ClientChainLength, Is.EqualTo(2));
    }

    [TestCase("-tls1_2")]
    [TestCase("-tls1_3")]
    public async Task A_refused_client_certificate_is_told_by_the_alerts_name(string protocol)
    {
        using var est = new EstFixture();
        var stranger = TestCa.Root("Strangers");
        using var server = Demanding(est, protocol);
        using var identity = stranger.Client("device-1");

        var problem = await est.FailureAsync(est.At(server.Port) with { ClientCertificate = stranger.Context(identity) });

        Assert.That(problem.Code, Is.EqualTo("est_tls_alert"));
        Assert.That(problem.Message, Does.Contain("refused our client certificate 'CN=device-1': unknown_ca").And.Contains("'bootstrap'"));
        Message.Shown("est_tls_alert", problem);
    }

    [TestCase("-tls1_2", "handshake_failure", "est_tls_alert-nothing-shown-tls-1-2")]
    [TestCase("-tls1_3", "certificate_required", "est_tls_alert-nothing-shown")]
    public async Task A_missing_client_certificate_is_told(string protocol, string alert, string message)
    {
        using var est = new EstFixture();
        using var server = Demanding(est, protocol);

        var problem = await est.FailureAsync(est.At(server.Port));

        Assert.That(problem.Code, Is.EqualTo("est_tls_alert"));
        Assert.That(problem.Message, Does.Contain(alert));
        Assert.That(problem.ToTerminalText(), Does.Match("wants a client certificate, and we have none to show"));
        Message.Shown(message, problem);
    }

    [TestCase("-tls1_2", false)]
    [TestCase("-tls1_3", true)]
    public async Task Whether_a_server_was_verified_before_it_wanted_a_certificate_is_known(string protocol, bool verified)
    {
        using var est = new EstFixture();
        using var server = Demanding(est, protocol);
        var client = est.Client(est.At(server.Port));
        Assert.That(client.IsVerified, Is.False, "nobody has been asked");

        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_tls_alert"));

        Assert.That(client.IsVerified, Is.EqualTo(verified));
    }

    [Test]
    public async Task A_server_that_is_not_trusted_or_resets_the_connection_was_not_verified()
    {
        using var est = new EstFixture();
        using var stranger = new OpenSslServer(TestCa.Root("Strangers").Server(), est.Issuing.Public, est.Root.Public, "-tls1_3");
        var client = est.Client(est.At(stranger.Port));
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_tls_untrusted"));
        Assert.That(client.IsVerified, Is.False);

        var server = est.Serve(NothingMoreNeeded);
        client = est.Client(est.At(server));
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_not_found"));
        Assert.That(client.IsVerified, Is.True);
        server.BeforeTls = _ => false;
        client = est.Client(est.At(server));
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_reset"));
        Assert.That(client.IsVerified, Is.False);
    }

    [Test]
    public async Task A_server_without_a_common_protocol_is_told_by_the_alerts_name()
    {
        using var est = new EstFixture();
        using var server = Demanding(est, "-tls1_1");

        var problem = await est.FailureAsync(est.At(server.Port));

        Assert.That(problem.Code, Is.EqualTo("est_tls"), "no verdict on what we show");
        Assert.That(problem.Message, Does.Contain("protocol_version"));
        Message.Shown("est_tls-old-version", problem);
    }

    [TestCase(SslProtocols.Tls12)]
    [TestCase(SslProtocols.Tls13)]
    public async Task A_server_that_hangs_up_on_a_client_certificate_makes_it_the_first_suspect(SslProtocols protocol)
    {
        using var est = new EstFixture();
        var server = est.Serve(new ScriptedServer(est.ServerCertificate, NothingMoreNeeded) { Protocols = protocol, ClientRoot = est.Root.Public });
        using var identity = est.Issuing.Client("device-1");

        var problem = await est.FailureAsync(est.At(server) with { ClientCertificate = est.Issuing.Context(identity, withIntermediates: false) });

        Assert.That(problem.Code, Is.EqualTo("est_reset"));
        Assert.That(problem.Hint, Does.Contain("client certificate").And.Contains("intermediates"));
        // Whether its end or a reset arrives first is chance.
        if (protocol == SslProtocols.Tls13)
        {
            Message.Shown("est_reset-client-certificate", problem,
                ("the server reset the connection", "the server closed the connection without an answer"));
        }
    }

    private static OpenSslServer Demanding(EstFixture est, string protocol) =>
        new(est.Issuing.Server(), est.Issuing.Public, est.Root.Public, protocol);
}
