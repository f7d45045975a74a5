using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;
using EstProv.Simulator;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Pki;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>Against a DPS that verifies the client's chain itself.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SimulatorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("estprov-identity-").FullName;
    private SimulatorHost? _simulator;

    public void Dispose()
    {
        _simulator?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task A_device_is_registered_over_one_connection()
    {
        using var device = await NewDevice();
        var now = device.Start().UntilSettled();
        Assert.That(now.Provisioned!.Hub, Is.EqualTo("estprov-hub.azure-devices.net"));
        Assert.That(now.Provisioned.DeviceId, Is.EqualTo("dev-1"));
        Assert.That(device.Time.Waits, Is.EqualTo(new[] { TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1) }), "what DPS asks for, and nothing else");
        Assert.That(_simulator!.Handshakes(SimulatorService.Dps).Full, Is.EqualTo(1));
    }

    [Test]
    public async Task A_ca_that_is_not_enrolled_is_told_and_waited_for()
    {
        using var device = await NewDevice();
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
        _simulator!.SetTrust(SimulatorService.Dps, [_simulator.Pki.NewStranger(DateTimeOffset.UtcNow).Certificate]);
        var problem = device.Start().UntilProblem("dps_unauthorized").Problem!;
        Assert.That(problem.Hint, Does.Contain(_simulator.Pki.DeviceIdentity.Certificate.Subject), "the issuer that is to be enrolled");
        _simulator.SetTrust(SimulatorService.Dps, [_simulator.Pki.DeviceIdentity.Certificate]);
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        device.Time.Release();
        device.UntilSettled();
    }

    [TestCase(FaultKind.TlsName, "dps_tls_name")]
    [TestCase(FaultKind.TlsUnknownCa, "dps_tls_untrusted")]
    [TestCase(FaultKind.TlsExpired, "dps_tls_expired")]
    [TestCase(FaultKind.TlsAlert, "dps_tls_alert")]
    [TestCase(FaultKind.TlsClientAlert, "dps_tls_alert", "dps_tls_alert")]
    [TestCase(FaultKind.Reset, "dps_reset")]
    [TestCase(FaultKind.HalfAnswer, "dps_reset")]
    public async Task A_connection_that_breaks_is_explained(FaultKind kind, string code, string? message = null)
    {
        using var device = await NewDevice();
        var fault = _simulator!.AddFault(new FaultRule { Kind = kind, Service = SimulatorService.Dps });
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        var problem = device.Start().UntilProblem(code).Problem!;
        Assert.That(problem.Message, Does.Contain($"https://localhost:{_simulator.Ports.Dps}/"));
        if (message is not null) Message.Shown(message, problem);
        Assert.That(device.Certd.Told, Is.Empty);
        _simulator.Faults.Remove(fault);
        _simulator.CloseConnections(SimulatorService.Dps);
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        device.Time.Hold = static _ => false;
        device.Time.Release();
        device.UntilSettled();
    }

    private async Task<Device> NewDevice()
    {
        _simulator = await SimulatorHost.StartAsync(new SimulatorOptions { Data = _folder, AssigningPolls = 1, RetryAfter = 1 });
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=dev-1", key, HashAlgorithmName.SHA256);
        CertificateMaker.AddEndEntityExtensions(request, server: false, client: true);
        using var certificate = CertificateMaker.Sign(request, _simulator.Pki.DeviceIdentity, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddDays(30));
        var device = new Device(X509CertificateLoader.LoadCertificate(_simulator.Pki.CloudServer.Certificate.RawData), new Uri($"https://localhost:{_simulator.Ports.Dps}/"), scope: "0ne00SIMULA");
        device.Certd.Staged = certificate.CopyWithPrivateKey(key);
        return device;
    }
}
