using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>Boards without a battery start in 1970, and a bad time server may say 2040 (design: clock floor).</summary>
public sealed class ClockTests
{
    private const string Library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    private SimulatorFixture _simulator = null!;

    [SetUp]
    public void StartSimulator() => _simulator = new SimulatorFixture();

    [TearDown]
    public void StopSimulator() => _simulator.Dispose();

    [Test]
    public void A_device_in_1970_is_provisioned_and_says_that_its_clock_is_not_believed()
    {
        using var device = DeviceAt("1970-01-02 00:00:00");
        device.StartAll();
        device.WaitUntilProvisioned();
        Assert.That(device.Logs(), Does.Contain("clock"));
    }

    [Test]
    public void A_device_in_2040_says_why_it_fails_and_is_provisioned_when_its_clock_is_right_again()
    {
        using var device = DeviceAt("2040-06-01 00:00:00");
        device.StartAll();
        var line = device["certd"].WaitForLine("2040", TimeSpan.FromSeconds(30));
        Assert.That(line, Does.Contain("clock"), "the message points at the clock");
        SetClock(device, "+0");
        device.WaitUntilProvisioned(seconds: 120);
    }

    private Device DeviceAt(string time)
    {
        var device = new Device(_simulator, "device-t");
        device.Environment["LD_PRELOAD"] = Library;
        device.Environment["FAKETIME_TIMESTAMP_FILE"] = device.At("clock");
        device.Environment["FAKETIME_NO_CACHE"] = "1";
        device.Environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
        SetClock(device, "@" + time);
        return device;
    }

    /// <summary>Renamed into place: a daemon never reads half a line.</summary>
    private static void SetClock(Device device, string time)
    {
        File.WriteAllText(device.At("clock.new"), time + "\n");
        File.Move(device.At("clock.new"), device.At("clock"), overwrite: true);
    }
}
