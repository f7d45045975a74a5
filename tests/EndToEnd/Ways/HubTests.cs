using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.EndToEnd.Tests.Support;
using EstProv.Simulator.Dps;
using EstProv.Simulator.Hub;

namespace EstProv.EndToEnd.Tests.Ways;

/// <summary>
/// The published binaries, the simulator's DPS and hub: each credential that a device can show them, and a module made with it, whose
/// token the hub takes.
/// </summary>
public sealed class HubTests
{
    private const string Module = "sensor";

    private readonly SimulatorFixture _simulator = new(options => options with { AssignedHub = "auto" });

    [OneTimeTearDown]
    public void TearDown() => _simulator.Dispose();

    [Test]
    public void A_device_that_dps_knows_by_its_certificate_gets_a_module_whose_token_the_hub_takes()
    {
        using var device = NewDevice("hub-dps-x509");
        device.StartAll();
        device.WaitUntilProvisioned();
        CheckModule(device);
    }

    [Test]
    public void A_device_that_dps_knows_by_a_symmetric_key_gets_a_module_whose_token_the_hub_takes()
    {
        using var device = NewDevice("hub-dps-key");
        var key = RandomNumberGenerator.GetBytes(32);
        _simulator.Host.Enrollments.Put(new DpsEnrollment
        {
            RegistrationId = device.Name,
            Attestation = DpsAttestationType.SymmetricKey,
            PrimaryKey = Convert.ToBase64String(key),
        });
        device.WriteProvisioning($"""
            source = "dps"
            scope_id = "{_simulator.ScopeId}"
            global_endpoint = "{_simulator.DpsUrl}"
            trusted_certs = ["dps-ca"]
            [provisioning.attestation]
            method = "symmetric_key"
            registration_id = "{device.Name}"
            symmetric_key = "device-id"
            """);
        StartWithKey(device, key);
        device.WaitUntilProvisioned();
        CheckModule(device);
        using var calls = new LocalCalls(device);
        var (status, _) = calls.Send("certd", HttpMethod.Get, "/certificates/device-id");
        Assert.That(status, Is.EqualTo(HttpStatusCode.BadRequest), "no certificate was needed");
    }

    [Test]
    public void A_device_that_its_hub_knows_by_a_key_gets_a_module_whose_token_the_hub_takes()
    {
        using var device = NewDevice("hub-manual-sas");
        var key = RandomNumberGenerator.GetBytes(32);
        Register(device, new HubCredential
        {
            Type = "sas",
            PrimaryKey = Convert.ToBase64String(key),
            SecondaryKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
        });
        device.WriteProvisioning(Manual(device, """
            method = "sas"
            device_id_pk = "device-id"
            """));
        StartWithKey(device, key);
        device.WaitUntilProvisioned();
        CheckModule(device);
        Assert.That(_simulator.Host.Registrations.All.Any(r => r.RegistrationId == device.Name), Is.False, "DPS was not asked");
    }

    [Test]
    public void A_device_that_its_hub_knows_by_its_ca_gets_a_module_whose_token_the_hub_takes()
    {
        using var device = NewDevice("hub-manual-ca");
        Register(device, new HubCredential { Type = "certificateAuthority" });
        device.WriteProvisioning(Manual(device, X509));
        device.StartAll();
        device.WaitUntilProvisioned();
        CheckModule(device);
        Assert.That(_simulator.Host.Registrations.All.Any(r => r.RegistrationId == device.Name), Is.False, "DPS was not asked");
    }

    [Test]
    public void A_device_that_its_hub_knows_by_thumbprint_waits_for_the_operator_and_the_hint_has_the_thumbprint()
    {
        using var device = NewDevice("hub-manual-thumb");
        var none = new string('0', 64);
        Register(device, new HubCredential { Type = "selfSigned", PrimaryThumbprint = none, SecondaryThumbprint = none });
        device.WriteProvisioning(Manual(device, X509));
        device.StartAll();
        var line = device["identityd"].WaitForLine("thumbprint", TimeSpan.FromSeconds(60));

        using var calls = new LocalCalls(device);
        var issued = calls.Ask("certd", HttpMethod.Post, "/credentials/device-id/ensure", new { keyId = "device-id", waitSeconds = 0 });
        using var certificate = X509Certificate2.CreateFromPem(issued.GetProperty("chain").GetString());
        var thumbprint = certificate.GetCertHashString(HashAlgorithmName.SHA256);
        Assert.That(line, Does.Contain(thumbprint).IgnoreCase);

        Register(device, new HubCredential { Type = "selfSigned", PrimaryThumbprint = thumbprint, SecondaryThumbprint = none });
        var (status, text) = calls.Send("identityd", HttpMethod.Post, "/identities/device/reprovision", new { type = "aziot" });
        Assert.That(status, Is.EqualTo(HttpStatusCode.NoContent), text);
        device.WaitUntilProvisioned();
        CheckModule(device);
    }

    private const string X509 = """
        method = "x509"
        identity_cert = "device-id"
        identity_pk = "device-id"
        """;

    private string Manual(Device device, string authentication) => $"""
        source = "manual"
        iothub_hostname = "localhost:{_simulator.Ports.Hub}"
        device_id = "{device.Name}"
        trusted_certs = ["dps-ca"]
        [provisioning.authentication]
        {authentication}
        """;

    /// <summary>Root's own rights: to import the device's key as an operator, and to use the modules' keys as a module runtime.</summary>
    private Device NewDevice(string name)
    {
        var device = new Device(_simulator, name);
        File.AppendAllText(device.At("keyd.toml"), $"""
            [[principal]]
            uid = {Device.UserId}
            keys = ["device-id", "aziot_identityd_master_id/*"]
            rights = ["use", "generate"]

            """);
        device.AppendManager();
        return device;
    }

    /// <summary>The operator imports the key that cloud and device share before identityd is started.</summary>
    private static void StartWithKey(Device device, byte[] key)
    {
        device.Start("keyd");
        device.WaitForSocket("keyd");
        using (var calls = new LocalCalls(device))
            calls.Ask("keyd", HttpMethod.Post, "/key", new { keyId = "device-id", keyBytes = Convert.ToBase64String(key), usage = "sign" });
        device.Start("certd");
        device.Start("identityd");
    }

    private void Register(Device device, HubCredential credential) => _simulator.Host.Devices.Change(device.Name, before => new HubDevice
    {
        DeviceId = device.Name,
        Hub = $"localhost:{_simulator.Ports.Hub}",
        GenerationId = before?.GenerationId ?? "1",
        Etag = Guid.NewGuid().ToString("N"),
        Authentication = credential,
        Modules = before?.Modules ?? [],
    });

    private void CheckModule(Device device)
    {
        // A device whose hub is configured is provisioned before certd is up.
        device.WaitForSocket("certd");
        using var calls = new LocalCalls(device);
        using var hub = new HubClient(_simulator);
        var resource = $"localhost:{_simulator.Ports.Hub}/devices/{device.Name}/modules/{Module}";
        var made = calls.Ask("identityd", HttpMethod.Post, "/identities/modules", new { type = "aziot", moduleId = Module });
        var spec = made.GetProperty("spec");
        Assert.That(spec.GetProperty("deviceId").GetString(), Is.EqualTo(device.Name));
        Assert.That(spec.GetProperty("hubName").GetString(), Is.EqualTo($"localhost:{_simulator.Ports.Hub}"));
        var token = HubClient.Token(calls, spec.GetProperty("auth").GetProperty("keyHandle").GetString()!, resource);
        Assert.That(hub.Publish(device.Name, Module, token), Is.EqualTo(HttpStatusCode.NoContent), device.Logs);
        var forged = token.Replace("sig=", "sig=A", StringComparison.Ordinal);
        Assert.That(hub.Publish(device.Name, Module, forged), Is.EqualTo(HttpStatusCode.Unauthorized));

        var (status, text) = calls.Send("identityd", HttpMethod.Delete, $"/identities/modules/{Module}?type=aziot");
        Assert.That(status, Is.EqualTo(HttpStatusCode.NoContent), text);
        Assert.That(hub.Publish(device.Name, Module, token), Is.Not.EqualTo(HttpStatusCode.NoContent), "a removed module is kept out");
    }
}
