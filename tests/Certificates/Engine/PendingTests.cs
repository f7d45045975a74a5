using EstProv.Certificates.Client;
using EstProv.Certificates.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;
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

        Message.Shown("est_pending", answer.Problem!.AsShown());
    }

    [Test]
    public async Task A_caller_whose_request_waits_is_told_to_send_it_again()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule
        {
            Kind = FaultKind.Pending,
            Service = SimulatorService.Est,
            Label = "module-server",
            Polls = 1,
            RetryAfter = 600,
        });
        device.Start();
        var csr = Csr.Make("CN=server").Pem;
        var problem = Assert.Throws<ProblemException>(() => device.Issuer.Issue("module-server", csr, null, CancellationToken.None))!;
        Assert.That(problem.RetryAfter, Is.EqualTo(TimeSpan.FromSeconds(600)));
        Message.Shown("est_pending-csr", problem);
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

    [Test]
    public async Task A_server_that_asks_for_no_patience_at_all_gets_some_and_the_disk_too()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Pending, Service = SimulatorService.Est, Label = "device-id", Polls = 10_000, RetryAfter = 0 });
        device.Start();
        device.Ensure("device-id");
        device.Events.Await("pending", "device-id");
        device.AwaitIdle();
        var first = await File.ReadAllTextAsync(device.StoreFile("device-id.pending"));

        for (var second = 0; second < 15; second++) device.Advance(TimeSpan.FromSeconds(1));
        Assert.That(Enrolments(device), Is.InRange(3, 6));
        Assert.That(await File.ReadAllTextAsync(device.StoreFile("device-id.pending")), Is.EqualTo(first), "not written for every short wait");
        for (var second = 0; second < 3600; second += 5) device.Advance(TimeSpan.FromSeconds(5));

        Assert.That(Enrolments(device), Is.InRange(12, 30));
        Assert.That(device.Simulator.PendingRequests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task What_the_bootstrap_identity_asked_for_is_not_given_up_for_a_network_failure()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.Stop();
        device.Time.Advance(TimeSpan.FromDays(200));
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Pending, Service = SimulatorService.Est, Label = "est-id", Polls = 3, RetryAfter = 600, Count = 1 });
        device.Start();
        device.Events.Await("pending", "est-id");
        device.AwaitIdle();

        var fault = device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est });
        device.Advance(TimeSpan.FromMinutes(11));
        device.Events.Await("failed", "est-id");
        device.Simulator.Faults.Remove(fault);
        for (var i = 0; i < 9; i++) device.Advance(TimeSpan.FromMinutes(11));

        device.Events.Await("committed", "est-id", 2);
        Assert.That(device.Simulator.PendingRequests, Is.Empty, "it was one request to the end");
        Assert.That(device.Asked, Has.None.StartsWith("simplereenroll"));
    }

    [TestCase(401)]
    [TestCase(403)]
    public async Task What_is_refused_while_it_waits_is_asked_for_anew(int status)
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Pending, Service = SimulatorService.Est, Label = "device-id", Polls = 1, RetryAfter = 60 });
        device.Start();
        device.Ensure("device-id");
        device.Events.Await("pending", "device-id");
        device.AwaitIdle();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "device-id", Route = "simpleenroll", Status = status, Count = 1 });

        device.Advance(TimeSpan.FromSeconds(70));

        device.Events.Await("failed", "device-id");
        Assert.That(File.Exists(device.StoreFile("device-id.pending")), Is.False);
    }

    private static int Enrolments(TestDevice device) => device.Asked.Count(asked => asked.StartsWith("simpleenroll/device-id", StringComparison.Ordinal));
}
