using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Simulator.Faults;

namespace EstProv.Simulator.Tests.Tls;

internal sealed class TlsTests
{
    private static readonly string CaCerts = EstClient.Path("default", "cacerts");

    [Test]
    public async Task The_servers_chain_and_name_are_right()
    {
        await using var rig = await Rig.StartAsync();

        foreach (var service in Enum.GetValues<SimulatorService>())
        {
            var answer = await rig.Client(service).GetAsync("nothing");
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NotFound), service.ToString());
        }
    }

    [TestCase(FaultKind.TlsName, "RemoteCertificateNameMismatch")]
    [TestCase(FaultKind.TlsUnknownCa, "PartialChain")]
    [TestCase(FaultKind.TlsExpired, "NotTimeValid")]
    public async Task A_wrong_server_certificate_is_shown_to_clients_connected_before_too(FaultKind kind, string reason)
    {
        await using var rig = await Rig.StartAsync();
        var client = rig.Client(SimulatorService.Est);
        Assert.That((await client.GetAsync(CaCerts)).StatusCode, Is.EqualTo(HttpStatusCode.OK));

        var fault = rig.Host.AddFault(new FaultRule { Kind = kind, Service = SimulatorService.Est });
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(CaCerts));
        rig.Host.Faults.Remove(fault);
        var after = await client.GetAsync(CaCerts);

        Assert.That(refused!.InnerException, Is.InstanceOf<AuthenticationException>());
        Assert.That(refused.InnerException!.Message, Does.Contain(reason));
        Assert.That(after.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Other_services_are_left_alone_by_a_fault_of_one()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.TlsName, Service = SimulatorService.Dps });

        Assert.That((await rig.Client(SimulatorService.Est).GetAsync(CaCerts)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task A_refused_handshake_is_counted_as_failed()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.TlsAlert, Service = SimulatorService.Est, Count = 1 });
        var client = rig.Client(SimulatorService.Est);

        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(CaCerts));
        await client.GetAsync(CaCerts);

        Assert.That(refused!.ToString(), Does.Contain("alert handshake failure"));
        Assert.That((rig.Host.Handshakes(SimulatorService.Est).Failed, rig.Host.Handshakes(SimulatorService.Est).Full), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task A_client_certificate_can_be_answered_with_an_alert([Values(SslProtocols.Tls12, SslProtocols.Tls13)] SslProtocols protocol)
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.TlsClientAlert, Service = SimulatorService.Est });
        var options = Options(rig.Pki.EstServer, "estendpoint.com", protocol);
        options.ClientCertificateContext = rig.Bootstrap().Context();

        var refused = await Assert.CatchAsync(() => SendOnceAsync(rig.Host.Ports.Est, options, "GET /.well-known/est/cacerts HTTP/1.1"));

        Assert.That(refused!.ToString(), Does.Contain("alert unknown ca"));
        Assert.That((await rig.Client(SimulatorService.Est).GetAsync(CaCerts)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Resumed_handshakes_are_told_from_full_ones([Values(SslProtocols.Tls12, SslProtocols.Tls13)] SslProtocols protocol)
    {
        await using var rig = await Rig.StartAsync();
        var options = Options(rig.Pki.EstServer, "estendpoint.com", protocol);

        for (var i = 0; i < 3; i++)
        {
            Assert.That(await SendOnceAsync(rig.Host.Ports.Est, options, "GET /.well-known/est/cacerts HTTP/1.1"), Does.StartWith("HTTP/1.1 200"));
        }

        var counts = rig.Host.Handshakes(SimulatorService.Est);
        Assert.That((counts.Full, counts.Resumed, counts.Failed), Is.EqualTo((1, 2, 0)));
    }

    [Test]
    public async Task A_resumed_session_keeps_the_intermediates_of_its_full_handshake([Values(SslProtocols.Tls12, SslProtocols.Tls13)] SslProtocols protocol)
    {
        await using var rig = await Rig.StartAsync();
        var estId = await rig.EnrollAsync("est-id", "CN=dev1", rig.Bootstrap());
        var authority = await rig.EnrollAsync("device-ca", "CN=dev1 CA", estId);
        var options = Options(rig.Pki.CloudServer, "global.azure-devices-provisioning.net", protocol);
        options.ClientCertificateContext = authority.Mint("dev1", rig.Host.Clock.Now).Context();

        for (var i = 0; i < 3; i++)
        {
            // Not registered yet: 404, which only a client that attests is told.
            var answer = await SendOnceAsync(rig.Host.Ports.Dps, options, "POST /0ne00SIMULA/registrations/dev1?api-version=2021-06-01 HTTP/1.1");
            Assert.That(answer, Does.StartWith("HTTP/1.1 404"));
        }

        Assert.That(rig.Host.Handshakes(SimulatorService.Dps).Resumed, Is.EqualTo(2));
    }

    [Test]
    public async Task Libest_speaks_tls_1_2_only()
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { Quirks = Simulator.Est.EstQuirks.LibEst });
        const string Request = "GET /.well-known/est/cacerts HTTP/1.1";

        Assert.That(await SendOnceAsync(rig.Host.Ports.Est, Options(rig.Pki.EstServer, "estendpoint.com", SslProtocols.Tls12), Request), Does.StartWith("HTTP/1.0 200"));
        await Assert.ThrowsAsync<AuthenticationException>(
            () => SendOnceAsync(rig.Host.Ports.Est, Options(rig.Pki.EstServer, "estendpoint.com", SslProtocols.Tls13), Request));
    }

    [Test]
    public async Task One_port_serves_all_by_server_name()
    {
        await using var rig = await Rig.StartAsync(o => o with { Port = 0 });

        var device = await rig.DeviceIdAsync();
        var assigned = await Dps.DpsTests.ResultAsync(rig.Client(SimulatorService.Dps, device), "dev1");
        var answer = await rig.Client(SimulatorService.Hub, device).GetAsync("devices/dev1?api-version=2020-09-30");

        Assert.That((rig.Host.Ports.Est, rig.Host.Ports.Dps), Is.EqualTo((rig.Host.Ports.Dps, rig.Host.Ports.Hub)));
        Assert.That((string?)assigned["status"], Is.EqualTo("assigned"));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Rsa_serves_as_well()
    {
        await using var rig = await Rig.StartAsync(o => o with { KeyKind = KeyKind.Rsa });

        var estId = await rig.EnrollAsync("est-id", "CN=dev1", rig.Bootstrap());

        Assert.That(estId.Certificate.SignatureAlgorithm.FriendlyName, Is.EqualTo("sha256RSA"));
    }

    private static SslClientAuthenticationOptions Options(Pki.Authority authority, string name, SslProtocols protocol) => new()
    {
        TargetHost = name,
        EnabledSslProtocols = protocol,
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            CustomTrustStore = { authority.Certificate },
        },
    };

    private static async Task<string> SendOnceAsync(int port, SslClientAuthenticationOptions options, string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", port);
        await using var stream = new SslStream(socket.GetStream());
        await stream.AuthenticateAsClientAsync(options);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{request}\r\nHost: {options.TargetHost}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }
}
