using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>
/// A root file system that cannot be written, and one folder for each daemon that can. Needs root, as CI and the documented set-up have it.
/// </summary>
public sealed class ReadOnlyRootTests
{
    private static readonly string[] s_daemons = ["keyd", "certd", "identityd"];

    private readonly SimulatorFixture _simulator = new();

    [OneTimeTearDown]
    public void TearDown() => _simulator.Dispose();

    [Test]
    public void A_device_is_provisioned_and_known_after_a_restart_with_its_state_folders_alone_writable()
    {
        using var device = new Device(_simulator, "device-ro");
        foreach (var daemon in s_daemons) device.StartOnReadOnlyRoot(daemon);
        device.WaitUntilProvisioned();
        var registrations = device["identityd"].CountLines("registering 'device-ro'");
        Assert.That(registrations, Is.EqualTo(1));
        foreach (var daemon in s_daemons) device[daemon].Kill();

        foreach (var daemon in s_daemons) device.StartOnReadOnlyRoot(daemon);
        device.WaitUntilProvisioned();
        device["identityd"].WaitForLine("provisioned: device device-ro", TimeSpan.FromSeconds(10));
        Assert.That(device["identityd"].CountLines("registering"), Is.Zero);
        foreach (var daemon in s_daemons)
            Assert.That(device[daemon].Output, Does.Not.Contain("file_read_only").And.Not.Contain("disk_full"));
    }
}
