using System.Text.Json;
using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Ways;

/// <summary>The operator's command on a device that runs: what it finds, what it tells of a plan, and the way back to the
/// beginning.</summary>
public sealed class OperatorTests
{
    private SimulatorFixture _simulator = null!;

    [SetUp]
    public void StartSimulator() => _simulator = new SimulatorFixture(static options => options with { AssignedHub = "auto" });

    [TearDown]
    public void StopSimulator() => _simulator.Dispose();

    [Test]
    public void A_device_is_checked_reset_and_as_good_as_before()
    {
        using var device = Provisioned("device-70");
        var checks = Checks(device);
        foreach (var part in new[] { "token: keys are in", "keys: est-id: keyd has its key", "keys: device-id: keyd has its key",
            "keys: bootstrap", "bootstrap: bootstrap: CN=device-70",
            "trust: trust-bundle: 1 CA", $"est: {_simulator.EstUrl("est-id")} answers", "cloud: provisioned at",
                $"cloud: {_simulator.DpsUrl}", "provider: " })
            Assert.That(checks, Has.Some.StartsWith("pass " + part), string.Join('\n', checks));
        // The machine of the tests has no users of ours, so that is what is wrong with it, and nothing else.
        Assert.That(checks.Where(static check => check.StartsWith("error ", StringComparison.Ordinal)
            && !check.StartsWith("error users: ", StringComparison.Ordinal)), Is.Empty);

        var (code, plan) = device.Command("check", "--explain-issuance", "device-id");
        Assert.That((code, plan), Is.EqualTo((0, plan)));
        Assert.That(plan, Does.Contain(_simulator.EstUrl("device-id"))
            .And.Contain("'est-id', as a TLS client certificate; simpleenroll (CN=device-70, until "));

        var before = device.CertificatesOf("device-id");
        (code, var output) = device.Command("factory-reset", "--yes");
        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.StartWith("forgotten: device-id, est-id\nprovisioned: hub "));
        Assert.That(device.CertificatesOf("device-id"), Is.Not.EqualTo(before));
        Assert.That(device["certd"].Output, Does.Contain("bootstrap identity"), "each use of it is an audit line");
        (code, output) = device.Command("reprovision");
        Assert.That((code, output), Is.EqualTo((0, output)));
    }

    [Test]
    public void A_support_bundle_of_a_device_holds_no_pin()
    {
        using var device = Provisioned("device-71");
        var (code, output) = device.Command("support-bundle", device.At("bundle.txt"), "--dir", device.Folder);
        Assert.That(code, Is.Zero, output);
        var bundle = File.ReadAllText(device.At("bundle.txt"));
        Assert.That(bundle, Does.Contain("estprov_certificate_expiry_timestamp_seconds{id=\"device-id\"}")
            .And.Contain("pkcs11.base_slot = …").And.Contain("==== log"));
        Assert.That(bundle, Does.Not.Contain("pin-value").And.Not.Contain("PRIVATE KEY").And.Not.Contain("SharedAccessSignature"));
    }

    private Device Provisioned(string name)
    {
        var device = new Device(_simulator, name);
        device.AppendManager();
        File.AppendAllText(device.At("keyd.toml"), $"[[principal]]\nuid = {Device.UserId}\nkeys = [\"*\"]\n");
        File.AppendAllText(device.At("certd.toml"), $"[[principal]]\nuid = {Device.UserId}\ncerts = [\"*\"]\n");
        device.StartAll();
        device.WaitUntilProvisioned();
        return device;
    }

    /// <summary><c>RESULT CHECK: MESSAGE</c> of each finding.</summary>
    private static List<string> Checks(Device device)
    {
        var (_, output) = device.Command("check", "--json", "--dir", device.Folder);
        using var json = JsonDocument.Parse(output);
        return [.. json.RootElement.GetProperty("findings").EnumerateArray()
            .Select(static finding => $"{finding.GetProperty("result")} {finding.GetProperty("check")}: {finding.GetProperty("message")}")];
    }
}
