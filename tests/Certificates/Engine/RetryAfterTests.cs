using EstProv.Certificates.Tests.Support;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>A busy server's wish (503, 429) holds over a restart, and costs the flash memory little.</summary>
public sealed class RetryAfterTests
{
    [TestCase(503)]
    [TestCase(429)]
    public async Task A_restart_is_no_reason_to_ask_a_busy_server_earlier(int status)
    {
        await using var device = await TestDevice.CreateAsync();
        Busy(device, status, 3600);
        device.Start();
        device.Ensure("device-id");

        device.Time.Advance(TimeSpan.FromMinutes(20));
        device.Restart();
        device.Requests.Ensure("device-id", "device-id", null, TimeSpan.Zero, true, CancellationToken.None);
        device.AwaitIdle();
        Assert.That(Enrolments(device), Is.EqualTo(1));
        device.Advance(TimeSpan.FromMinutes(39));
        Assert.That(Enrolments(device), Is.EqualTo(1));
        // Up to as long again, so that not everybody comes at once.
        device.Advance(TimeSpan.FromMinutes(62));
        Assert.That(Enrolments(device), Is.GreaterThan(1));
        device.Events.Await("committed", "est-id");
        device.AwaitIdle();
        Assert.That(File.Exists(device.StoreFile("est-id.wait")), Is.False, "it is over");
    }

    [Test]
    public async Task What_nobody_has_asked_for_since_the_start_waits_too()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "device-id", Route = "simpleenroll", Status = 503, RetryAfter = 3600, Count = 1 });
        device.Start();
        device.Ensure("device-id");
        device.Restart();
        device.Requests.Ensure("device-id", "device-id", null, TimeSpan.Zero, true, CancellationToken.None);
        device.Advance(TimeSpan.FromMinutes(50));
        Assert.That(device.Asked.Count(asked => asked.StartsWith("simpleenroll/device-id", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public async Task Short_waits_are_not_written()
    {
        await using var device = await TestDevice.CreateAsync();
        Busy(device, 503, 120);
        device.Start();
        device.Ensure("device-id");
        Assert.That(File.Exists(device.StoreFile("est-id.wait")), Is.False);
    }

    [Test]
    public async Task A_clock_that_was_put_back_does_not_make_it_longer_than_the_server_asked()
    {
        await using var device = await TestDevice.CreateAsync();
        Busy(device, 503, 3600);
        device.Start();
        device.Ensure("device-id");
        device.Stop();
        device.Time.SetClock(device.Time.GetUtcNow() - TimeSpan.FromDays(20));
        device.Start();
        device.Requests.Ensure("device-id", "device-id", null, TimeSpan.Zero, true, CancellationToken.None);
        device.Advance(TimeSpan.FromMinutes(59));
        Assert.That(Enrolments(device), Is.EqualTo(1));
        device.Advance(TimeSpan.FromMinutes(62));
        Assert.That(Enrolments(device), Is.GreaterThan(1));
    }

    private static void Busy(TestDevice device, int status, int seconds) => device.Simulator.AddFault(
        new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "est-id", Route = "simpleenroll", Status = status, RetryAfter = seconds, Count = 1 });

    private static int Enrolments(TestDevice device) => device.Asked.Count(asked => asked.StartsWith("simpleenroll/est-id", StringComparison.Ordinal));
}
