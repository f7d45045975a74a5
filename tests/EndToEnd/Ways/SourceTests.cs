using System.Text.Json;
using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Ways;

/// <summary>Where the hub comes from, on the published binaries.</summary>
public sealed class SourceTests
{
    private readonly SimulatorFixture _simulator = new();

    [OneTimeTearDown]
    public void TearDown() => _simulator.Dispose();

    [Test]
    public void A_device_without_a_cloud_is_provisioned_by_its_certificate_and_known_after_a_restart()
    {
        using var device = new Device(_simulator, "device-none");
        File.WriteAllText(device.At("identityd.toml"), $"""
            homedir_path = "{device.At("identityd")}"
            [provisioning]
            source = "none"

            """);
        device.StartAll();
        device.WaitUntilProvisioned();
        using var status = JsonDocument.Parse(device.Status());
        var provisioning = status.RootElement.GetProperty("provisioning");
        Assert.That(provisioning.GetProperty("source").GetString(), Is.EqualTo("none"));
        Assert.That(provisioning.GetProperty("device").GetString(), Is.EqualTo("device-none"));
        Assert.That(provisioning.TryGetProperty("hub", out _), Is.False);

        device["identityd"].Kill();
        device.Start("identityd").WaitForLine("provisioned: device device-none, without a hub", TimeSpan.FromSeconds(10));
    }

    [Test]
    public void A_device_of_dps_whose_source_changes_says_so_and_is_provisioned_anew()
    {
        using var device = new Device(_simulator, "device-moves");
        device.StartAll();
        device.WaitUntilProvisioned();
        device["identityd"].Kill();
        File.WriteAllText(device.At("identityd.toml"), $"""
            homedir_path = "{device.At("identityd")}"
            [provisioning]
            source = "none"

            """);
        device.Start("identityd").WaitForLine("the provisioning settings have changed: device device-moves at hub", TimeSpan.FromSeconds(10));
        device.WaitUntilProvisioned();
        Assert.That(device.Status(), Does.Contain("\"source\": \"none\""));
    }
}
