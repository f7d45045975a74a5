using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>Boards without a battery start in 1970, and a bad time server may say 2040 (design: clock floor).</summary>
public sealed class ClockTests
{
    private SimulatorFixture _simulator = null!;

    [SetUp]
    public void StartSimulator() => _simulator = new SimulatorFixture();

    [TearDown]
    public void StopSimulator() => _simulator.Dispose();

    [Test]
    public void A_device_in_1970_is_provisioned_and_says_that_its_clock_is_not_believed()
    {
        using var device = DeviceAt(new DateTime(1970, 1, 2, 0, 0, 0, DateTimeKind.Utc));
        device.StartAll();
        device.WaitUntilProvisioned();
        Assert.That(device.Logs(), Does.Contain("clock"));
    }

    [Test]
    public void A_device_in_2040_says_why_it_fails_and_is_provisioned_when_its_clock_is_right_again()
    {
        using var device = DeviceAt(new DateTime(2040, 6, 1, 0, 0, 0, DateTimeKind.Utc));
        device.StartAll();
        var line = device["certd"].WaitForLine("2040", TimeSpan.FromSeconds(30));
        Assert.That(line, Does.Contain("clock"), "the message points at the clock");
        SetClock(device, TimeSpan.Zero);
        device.WaitUntilProvisioned(seconds: 120);
    }

    private Device DeviceAt(DateTime time)
    {
        var device = new Device(_simulator, "device-t");
        device.Environment["LD_PRELOAD"] = Stage.Clock;
        device.Environment["ESTPROV_CRASH_CLOCK_FILE"] = device.At("clock");
        SetClock(device, time - DateTime.UtcNow);
        return device;
    }

    /// <summary>How far the daemons' clock runs ahead. In place: it is mapped.</summary>
    private static void SetClock(Device device, TimeSpan ahead)
    {
        using var file = new FileStream(device.At("clock"), FileMode.OpenOrCreate);
        file.Write(BitConverter.GetBytes((long)ahead.TotalSeconds));
    }
}
