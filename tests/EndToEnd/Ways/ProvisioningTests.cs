using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Ways;

/// <summary>Sections 2 and 3 of the mission, on the published binaries, each way of getting the certificates.</summary>
public sealed class ProvisioningTests
{
    private SimulatorFixture _simulator = null!;

    [SetUp]
    public void StartSimulator() => _simulator = new SimulatorFixture();

    [TearDown]
    public void StopSimulator() => _simulator.Dispose();

    [TestCase("EC:prime256v1", "ec-p256")]
    [TestCase("rsa:2048", "rsa-2048")]
    public void A_device_provisions_itself_with_one_url_per_certificate(string bootstrapKey, string keyAlgorithm)
    {
        using var device = new Device(_simulator, "device-1", bootstrapKey);
        device.UseKeyAlgorithm(keyAlgorithm);
        device.StartAll();
        device.WaitUntilProvisioned();
        Assert.That(_simulator.IsRegisteredInHub("device-1"), "the hub's registry has the device");
        Assert.That(device.Token.CountPrivateKeys(), Is.EqualTo(3), "bootstrap, est-id and device-id, and no orphan");
    }

    [Test]
    public void A_device_provisions_itself_with_a_single_url()
    {
        using var device = new Device(_simulator, "device-2");
        foreach (var id in new[] { "est-id", "device-id", "device-ca" })
        {
            device.Edit("certd", $"\"{id}\" = \"{_simulator.EstUrl(id)}/simpleenroll\"\n", "");
        }

        device.StartAll();
        device.WaitUntilProvisioned();
    }

    [TestCase("ec-p256")]
    [TestCase("rsa-2048")]
    public void A_device_mints_its_identity_from_its_device_ca(string keyAlgorithm)
    {
        using var device = new Device(_simulator, "device-3");
        device.Edit("certd", "device-id = \"est\"", "device-id = \"device-ca\"");
        device.UseKeyAlgorithm(keyAlgorithm);
        device.StartAll();
        device.WaitUntilProvisioned();
        Assert.That(device.Token.CountPrivateKeys(), Is.EqualTo(4), "bootstrap, est-id, device-ca and device-id, and no orphan");
    }

    [Test]
    public void A_device_provisions_itself_with_a_preloaded_est_identity()
    {
        using var device = new Device(_simulator, "device-4");
        _simulator.IssueEstId(device.At("bootstrap.csr"), device.At("est-id.cer"));
        device.Edit("keyd", "\"bootstrap\" = ", "\"est-id\" = ");
        device.Edit("certd", $"\"bootstrap\" = \"{device.At("bootstrap.cer")}\"", $"\"est-id\" = \"{device.At("est-id.cer")}\"");
        device.Edit("certd", "\"bootstrap_identity_cert\" = \"bootstrap\"\n", "");
        device.Edit("certd", "\"bootstrap_identity_pk\" = \"bootstrap\"\n", "");
        device.StartAll();
        device.WaitUntilProvisioned();
        Assert.That(device.Token.CountPrivateKeys(), Is.EqualTo(2), "the preloaded key serves as it is; only device-id is new");
    }

    [Test]
    public void A_device_provisions_itself_with_keys_in_files()
    {
        using var device = new Device(_simulator, "device-5");
        File.WriteAllText(device.At("keyd.toml"), $"homedir_path = \"{device.At("keyd")}\"\n");
        _simulator.RequireBasic("device-5", "correct horse");
        File.WriteAllText(device.At("password"), "correct horse\n");
        device.Edit("certd", "\"method\" = \"x509\"", $"\"method\" = \"x509\"\nusername = \"device-5\"\npassword_file = \"{device.At("password")}\"");
        device.Edit("certd", "\"bootstrap_identity_cert\" = \"bootstrap\"\n", "");
        device.Edit("certd", "\"bootstrap_identity_pk\" = \"bootstrap\"\n", "");
        device.Edit("identityd", "\"method\" = \"x509\"", "\"method\" = \"x509\"\nregistration_id = \"device-5\"");
        device.StartAll();
        device.WaitUntilProvisioned();
        Assert.That(device.Logs(), Does.Not.Contain("correct horse"), "the password is never shown");
    }

    [Test]
    public void A_restarted_device_is_provisioned_at_once_and_offline()
    {
        using var device = new Device(_simulator, "device-6");
        device.StartAll();
        device.WaitUntilProvisioned();
        foreach (var daemon in new[] { "keyd", "certd", "identityd" }) Assert.That(device[daemon].Terminate(), Is.Zero, daemon + " ends by SIGTERM with 0");
        _simulator.Stop();
        device.StartAll();
        device.WaitUntilProvisioned(seconds: 10);
    }

    private static readonly string[][] s_orders =
    [
        ["keyd", "certd", "identityd"], ["keyd", "identityd", "certd"], ["certd", "keyd", "identityd"],
        ["certd", "identityd", "keyd"], ["identityd", "keyd", "certd"], ["identityd", "certd", "keyd"],
    ];

    [TestCaseSource(nameof(s_orders))]
    public void Daemons_may_start_in_any_order(string first, string second, string third)
    {
        using var device = new Device(_simulator, "device-7");
        foreach (var daemon in new[] { first, second, third })
        {
            // The next one starts only when this one is up and has met the absence of the others.
            device.Start(daemon);
            device.WaitForSocket(daemon);
        }

        device.WaitUntilProvisioned();
    }

    [TestCaseSource(nameof(s_orders))]
    public void Daemons_may_be_restarted_in_any_order(string first, string second, string third)
    {
        using var device = new Device(_simulator, "device-8");
        device.StartAll();
        device.WaitUntilProvisioned();
        var before = device.CertificatesOf("device-id");
        foreach (var daemon in new[] { first, second, third })
        {
            device[daemon].Kill();
            device.Start(daemon);
            device.WaitForSocket(daemon);
        }

        device.WaitUntilProvisioned(seconds: 10);
        Assert.That(device.CertificatesOf("device-id"), Is.EqualTo(before), "a restart issues nothing anew");
    }
}
