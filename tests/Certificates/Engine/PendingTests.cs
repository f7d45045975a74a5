using EstProv.Certificates.Client;
using EstProv.Certificates.Tests.Support;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

public sealed class PendingTests
{
    [Test]
    public async Task A_server_that_asks_for_patience_gets_the_very_same_request_again_also_after_a_restart()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Pending, Service = SimulatorService.Est, Label = "device-id", Polls = 2, RetryAfter = 3600, Count = 1 });
        device.Start();
        var pending = device.Ensure("device-id");

        device.Advance(TimeSpan.FromMinutes(50));
        device.Restart();
        device.AwaitIdle();
        Assert.That(Enrolments(device), Is.EqualTo(1), "a restart is no reason to ask earlier");
        device.Advance(TimeSpan.FromMinutes(11));
        Assert.That(Enrolments(device), Is.EqualTo(2));
        Assert.That(device.Simulator.PendingRequests, Has.Count.EqualTo(1), "the server saw one request");
        device.Advance(TimeSpan.FromMinutes(61));
        var answer = device.Ensure("device-id");

        Assert.That(pending.State, Is.EqualTo(CredentialState.Pending));
        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
        Assert.That(device.Simulator.PendingRequests, Is.Empty, "it was the same request to the end");
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1));
        Assert.That(File.Exists(device.StoreFile("device-id.pending")), Is.False);
    }

    [Test]
    public async Task What_is_waited_for_is_told()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Pending, Service = SimulatorService.Est, Label = "est-id", Polls = 1, RetryAfter = 600 });
        device.Start();
        device.Requests.Ensure("device-id", "device-id", null, TimeSpan.Zero, true, CancellationToken.None);
        device.Events.Await("pending", "est-id");
        device.AwaitIdle();

        var answer = device.Requests.Ensure("device-id", "device-id", null, TimeSpan.Zero, true, CancellationToken.None);

        Assert.That(answer.Problem!.Code, Is.EqualTo("est_pending"));
        Assert.That(answer.Problem.Message, Does.Contain("est-id").And.Contain("202"));
    }

    [Test]
    public async Task A_clock_that_was_set_does_not_make_the_wait_longer_than_the_server_asked()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Pending, Service = SimulatorService.Est, Label = "device-id", Polls = 1, RetryAfter = 600 });
        device.Start();
        device.Requests.Ensure("device-id", "device-id", null, TimeSpan.Zero, true, CancellationToken.None);
        device.Events.Await("pending", "device-id");
        device.AwaitIdle();
        device.Stop();
        device.Time.SetClock(device.Time.GetUtcNow() - TimeSpan.FromDays(10));

        device.Start();
        device.Advance(TimeSpan.FromSeconds(601));
        Assert.That(Enrolments(device), Is.EqualTo(2));
    }

    private static int Enrolments(TestDevice device) => device.Asked.Count(asked => asked.StartsWith("simpleenroll/device-id", StringComparison.Ordinal));
}
