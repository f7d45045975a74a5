using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>Daemons that die in the middle, and a file system that is full: no half state, and the device is provisioned in the end.</summary>
public sealed class CrashTests
{
    private SimulatorFixture _simulator = null!;

    [SetUp]
    public void StartSimulator() => _simulator = new SimulatorFixture();

    [TearDown]
    public void StopSimulator() => _simulator.Dispose();

    [Test]
    public void Each_daemon_killed_at_each_write_in_the_middle_leaves_a_device_that_goes_on(
        [Values("keyd", "certd", "identityd")] string daemon, [Values("rename", "fsync", "unlink,unlinkat")] string calls, [Values(1, 2, 4)] int nth)
    {
        using var device = new Device(_simulator, "device-c");
        device.StartAllWithFault(daemon, calls, nth);
        device.RestartWhenDead(daemon, TimeSpan.FromSeconds(4));
        device.WaitUntilProvisioned();
        Assert.That(device.Token.CountPrivateKeys(), Is.EqualTo(3), "bootstrap, est-id and device-id, and no orphan");
    }

    [Test]
    public void A_full_disk_is_told_and_overcome([Values("keyd", "certd", "identityd")] string daemon)
    {
        using var device = new Device(_simulator, "device-d");
        using var disk = new SmallDisk(device.At(daemon));
        disk.Fill();
        device.StartAll();
        device[daemon].WaitForLine("disk_full", TimeSpan.FromSeconds(30));
        disk.Free();
        device.WaitUntilProvisioned();
        Assert.That(device[daemon].HasExited, Is.False);
    }
}
