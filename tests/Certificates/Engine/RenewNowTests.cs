using EstProv.Certificates.Client;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>An operator wants a certificate renewed before its time.</summary>
public sealed class RenewNowTests
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(20);

    [Test]
    public async Task The_est_identity_is_renewed_at_once_with_a_new_key()
    {
        await using var device = await AnHourLaterAsync();
        var before = device.Current("est-id")!;

        var answer = Renew(device, "est-id");

        Assert.That(answer.State, Is.EqualTo(CredentialState.Current));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before.Spki));
        Assert.That(device.Asked, Has.Some.EqualTo("simplereenroll/est-id 200"));
        Assert.That(device.Events.Await("renewal-asked", "est-id").Fields["by"], Is.EqualTo("a test"));
        for (var i = 0; i < 24; i++) device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(2), "once");
    }

    [Test]
    public async Task A_device_identity_is_staged_for_its_user_and_the_old_one_served_until_he_has_accepted_it()
    {
        await using var device = await AnHourLaterAsync();
        var before = device.Served("device-id");
        var answer = Renew(device, "device-id");
        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged));
        Assert.That(device.Served("device-id").RawData, Is.EqualTo(before.RawData));
        Assert.That(Renew(device, "device-id").ChainPem, Is.EqualTo(answer.ChainPem), "asked for again, it is the same one");
        Assert.That(device.Events.Count("issued", "device-id"), Is.EqualTo(2));
    }

    [Test]
    public async Task It_gets_a_new_key_although_keys_are_to_stay()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Configuration = device.Configuration with { Est = device.Configuration.Est! with { Renewal = new RenewalSettings { RotateKey = false } } };
        device.Start();
        device.Provision();
        device.Advance(TimeSpan.FromHours(1));
        var before = device.Current("est-id")!;
        Renew(device, "est-id");
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before.Spki));
    }

    [Test]
    public async Task Not_twice_within_the_least_time_between_two_attempts_whoever_asks_how_often()
    {
        await using var device = await AnHourLaterAsync();
        Renew(device, "est-id");

        var problem = Assert.Throws<ProblemException>(() => Renew(device, "est-id"))!;

        Message.Shown("renewed_just_now", problem);
        Assert.That(problem.RetryAfter, Is.InRange(TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(60)));
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(2));
        device.Advance(TimeSpan.FromSeconds(61));
        Assert.That(Renew(device, "est-id").State, Is.EqualTo(CredentialState.Current));
    }

    [Test]
    public async Task What_failed_is_told_and_tried_on_and_now_does_not_wait_for_the_gap_but_for_the_floor()
    {
        await using var device = await AnHourLaterAsync();
        var fault = device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "est-id", Status = 503, RetryAfter = 7200 });
        var answer = Renew(device, "est-id");
        Assert.That(answer.State, Is.EqualTo(CredentialState.Pending));
        Assert.That(answer.Problem!.Code, Is.EqualTo("est_busy"));
        device.Simulator.Faults.Remove(fault);

        Assert.That(Ask(device, now: false).State, Is.EqualTo(CredentialState.Pending));
        device.Advance(TimeSpan.FromMinutes(2));
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(1), "the server has asked for two hours");
        Ask(device, now: true);
        device.Advance(TimeSpan.FromSeconds(61));
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(2));

        CredentialAnswer Ask(TestDevice asked, bool now) => asked.Requests.Renew("est-id", now, "a test", TimeSpan.Zero, CancellationToken.None);
    }

    [Test]
    public async Task What_is_not_issued_here_is_not_renewed_here()
    {
        await using var device = await AnHourLaterAsync();
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        foreach (var id in new[] { "module-server", "bootstrap", "nothing" })
            Assert.That(Assert.Throws<ProblemException>(() => Renew(device, id))!.Code, Is.EqualTo("not_configured"), id);
    }

    private static CredentialAnswer Renew(TestDevice device, string id) => device.Requests.Renew(id, now: false, "a test", Wait, CancellationToken.None);

    [Test]
    public async Task First_issues_and_renewals_are_counted_apart_by_what_came_of_them()
    {
        await using var device = await AnHourLaterAsync();
        var attempts = device.Engine.Table.Find("device-id")!.Attempts;
        Assert.That((Counted(attempts, renewals: false), Counted(attempts, renewals: true)), Is.EqualTo(("1 0 0 0", "0 0 0 0")));

        Renew(device, "device-id");
        device.Requests.Refuse("device-id", device.Engine.Table.Find("device-id")!.Staged!.Spki, "a test", CancellationToken.None);
        device.AwaitIdle();
        Assert.That(Counted(attempts, renewals: true), Does.StartWith("1 0 ").And.EndsWith(" 1"), "issued, and dropped");
        Assert.That(Counted(attempts, renewals: false), Is.EqualTo("1 0 0 0"));

        var identity = device.Engine.Table.Find("est-id")!.Attempts;
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Route = "simplereenroll", Status = 500 });
        Renew(device, "est-id");
        Assert.That(Counted(identity, renewals: true), Does.StartWith("0 0 1 0"));
    }

    private static string Counted(AttemptCounts attempts, bool renewals) =>
        string.Join(' ', Enumerable.Range(0, AttemptCounts.Results.Length).Select(result => attempts.Of(result, renewals)));

    private static async Task<TestDevice> AnHourLaterAsync()
    {
        var device = await RenewalTests.ProvisionedAsync();
        device.Advance(TimeSpan.FromHours(1));
        return device;
    }
}
