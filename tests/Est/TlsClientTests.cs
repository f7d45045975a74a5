using System.Security.Authentication;
using EstProv.Est.Tests.Support;

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
    }

    [TestCase("-tls1_2", "handshake_failure")]
    [TestCase("-tls1_3", "certificate_required")]
    public async Task A_missing_client_certificate_is_told(string protocol, string alert)
    {
        using var est = new EstFixture();
        using var server = Demanding(est, protocol);

        var problem = await est.FailureAsync(est.At(server.Port));

        Assert.That(problem.Code, Is.EqualTo("est_tls_alert"));
        Assert.That(problem.Message, Does.Contain(alert));
        Assert.That(problem.ToTerminalText(), Does.Match("wants a client certificate, and we have none to show"));
    }

    [Test]
    public async Task A_server_without_a_common_protocol_is_told_by_the_alerts_name()
    {
        using var est = new EstFixture();
        using var server = Demanding(est, "-tls1_1");

        var problem = await est.FailureAsync(est.At(server.Port));

        Assert.That(problem.Code, Is.EqualTo("est_tls"), "no verdict on what we show");
        Assert.That(problem.Message, Does.Contain("protocol_version"));
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
    }

    private static OpenSslServer Demanding(EstFixture est, string protocol) =>
        new(est.Issuing.Server(), est.Issuing.Public, est.Root.Public, protocol);
}
