using EstProv.Certificates.Client;
using EstProv.Certificates.Tests.Support;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>Servers that are away or wrong for a long time: no harm comes of it, they are not stormed, and it heals by itself.</summary>
public sealed class OutageTests
{
    /// <summary>The longest gap is a day, with its jitter of 20 %; the clock is looked at every five minutes.</summary>
    private static readonly TimeSpan LongestGap = TimeSpan.FromHours(29);

    private static IEnumerable<TestCaseData> Wrongs
    {
        get
        {
            yield return Case("500", new FaultRule { Kind = FaultKind.Status, Status = 500 });
            yield return Case("a page of HTML with 200", new FaultRule { Kind = FaultKind.Status, Status = 200, Body = "<html><body>Welcome to the hotel's network</body></html>", ContentType = "text/html" });
            yield return Case("somebody else's certificate", new FaultRule { Kind = FaultKind.WrongKey });
            yield return Case("an expired certificate", new FaultRule { Kind = FaultKind.Expired });
            yield return Case("a certificate that is not valid yet", new FaultRule { Kind = FaultKind.NotYetValid });
            yield return Case("a CA's certificate", new FaultRule { Kind = FaultKind.IsCa });
            yield return Case("a certificate of a CA that nobody knows", new FaultRule { Kind = FaultKind.WrongIssuer });
            yield return Case("PKCS#7 without a certificate", new FaultRule { Kind = FaultKind.EmptyPkcs7 });
            yield return Case("no PKCS#7", new FaultRule { Kind = FaultKind.NotPkcs7 });
            yield return Case("another media type", new FaultRule { Kind = FaultKind.WrongContentType });
            yield return Case("202 for ever", new FaultRule { Kind = FaultKind.Pending, Polls = 1_000_000, RetryAfter = 60 });
            yield return Case("401 for ever", new FaultRule { Kind = FaultKind.Status, Status = 401 });
            yield return Case("403 for ever", new FaultRule { Kind = FaultKind.Status, Status = 403 });
            yield return Case("404", new FaultRule { Kind = FaultKind.Status, Status = 404 });
            yield return Case("TLS by another CA", new FaultRule { Kind = FaultKind.TlsUnknownCa });
            yield return Case("TLS for another name", new FaultRule { Kind = FaultKind.TlsName });
            yield return Case("TLS that has expired", new FaultRule { Kind = FaultKind.TlsExpired });
            yield return Case("a TLS alert to our certificate", new FaultRule { Kind = FaultKind.TlsClientAlert });
            yield return Case("a reset", new FaultRule { Kind = FaultKind.Reset });
            yield return Case("half an answer", new FaultRule { Kind = FaultKind.HalfAnswer });

            static TestCaseData Case(string name, FaultRule rule)
            {
                rule = rule with { Service = SimulatorService.Est };
                // What comes in place of a certificate comes on every enrolment.
                if (rule.Kind is not (FaultKind.Status or FaultKind.TlsUnknownCa or FaultKind.TlsName or FaultKind.TlsExpired or FaultKind.TlsClientAlert or FaultKind.Reset))
                    rule = rule with { Route = "simplereenroll" };
                return new TestCaseData(rule).SetArgDisplayNames(name);
            }
        }
    }

    [TestCaseSource(nameof(Wrongs))]
    public async Task A_week_of_wrong_answers_does_no_harm_and_heals_by_itself(FaultRule rule)
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Current("est-id")!;
        // To shortly before the renewal; then the fault begins.
        GoTo(device, RenewalOf(device) - TimeSpan.FromMinutes(1) - device.Time.GetUtcNow());
        var fault = device.Simulator.AddFault(rule);
        var began = device.Time.GetUtcNow();
        var events = device.Events.All.Count;

        for (var hour = 0; hour < 7 * 24; hour++)
        {
            device.Advance(TimeSpan.FromHours(1));
            Assert.That(device.Served("est-id").SerialNumber, Is.EqualTo(SerialOf(before.Pem)), "the old certificate is served throughout");
            Assert.That(device.Ensure("device-id").State, Is.Not.EqualTo(CredentialState.Pending));
        }

        var attempts = device.Events.All.Skip(events).Count(seen => seen.Id == "est-id" && seen.Kind is "failed" or "pending");
        device.Simulator.Faults.Remove(fault);
        // Answers 202 are polled, the more rarely the longer it takes; the other attempts have a day between them at last.
        Assert.That(attempts, Is.InRange(5, rule.Kind == FaultKind.Pending ? 80 : 16), "tried on, and not in a storm");
        var healed = device.Time.GetUtcNow();
        while (device.Current("est-id")!.Spki == before.Spki && device.Time.GetUtcNow() < healed + LongestGap) device.Advance(TimeSpan.FromMinutes(30));

        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before.Spki), () => device.Events.ToString());
        Assert.That(device.Current("est-id")!.NotAfter, Is.GreaterThan(before.NotAfter));
        Assert.That(device.Time.GetUtcNow() - began, Is.LessThan(TimeSpan.FromDays(7) + LongestGap + TimeSpan.FromHours(1)));
        Assert.That(device.Keyd.Count("est-id"), Is.LessThanOrEqualTo(2), "no keys pile up");
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(1), "and nothing has opened the way back to the bootstrap identity");
    }

    [Test]
    [Description("iis#300, ie#5787: one try at expiry is useless on bad links; ie#7321: a renewal while offline kills the service")]
    public async Task A_month_offline_is_no_error_state_it_serves_what_it_has_and_tries_on()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Current("est-id")!;
        var fault = device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est });
        for (var day = 0; day < 59; day++) device.Advance(TimeSpan.FromDays(1));
        GoOn(device, TimeSpan.FromDays(30));
        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(before.Spki));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
        Assert.That(device.Events.Count("failed", "est-id"), Is.InRange(20, 140));
        device.Simulator.Faults.Remove(fault);
        GoOn(device, TimeSpan.FromHours(3));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before.Spki), "a day before the end tries are hours apart");
    }

    [Test]
    [Description("ie#6911: after 100 % there is no last resort; smallstep/certificates#177, #616: renewal after expiry must work")]
    public async Task It_goes_on_after_expiry_twice_an_hour_and_comes_back()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var fault = device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est });
        for (var day = 0; day < 100; day++) device.Advance(TimeSpan.FromDays(1));
        var failures = device.Events.Count("failed", "est-id");
        GoOn(device, TimeSpan.FromDays(1), TimeSpan.FromMinutes(5));
        Assert.That(device.Events.Count("failed", "est-id") - failures, Is.InRange(36, 62));
        device.Simulator.Faults.Remove(fault);
        // The identity that has expired and the bootstrap identity are shown in turn.
        GoOn(device, TimeSpan.FromMinutes(80), TimeSpan.FromMinutes(5));
        Assert.That(device.Current("est-id")!.NotAfter, Is.GreaterThan(device.Time.GetUtcNow()));
    }

    [Test]
    public async Task What_nobody_could_prove_before_the_old_one_ended_is_used_all_the_same()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Current("est-id")!;
        GoTo(device, RenewalOf(device) - TimeSpan.FromMinutes(1) - device.Time.GetUtcNow());
        // It is issued, without attributes in the end, and the proof's new connection never comes about.
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est, Route = "csrattrs" });
        GoOn(device, TimeSpan.FromMinutes(30), TimeSpan.FromMinutes(5));
        Assert.That(device.Engine.Table.Find("est-id")!.Staged, Is.Not.Null);
        while (device.Time.GetUtcNow() < before.NotAfter - TimeSpan.FromHours(2)) device.Advance(TimeSpan.FromHours(2));
        Assert.That(device.Served("est-id").SerialNumber, Is.EqualTo(SerialOf(before.Pem)), "while the old one is good, it is served");
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(2), "all that time it was the same one");
        GoOn(device, TimeSpan.FromHours(4), TimeSpan.FromMinutes(10));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before.Spki), "then there is nothing to lose");
    }

    private static void GoTo(TestDevice device, TimeSpan time)
    {
        for (var left = time; left > TimeSpan.Zero; left -= TimeSpan.FromDays(1)) device.Advance(left < TimeSpan.FromDays(1) ? left : TimeSpan.FromDays(1));
    }

    private static void GoOn(TestDevice device, TimeSpan time, TimeSpan? step = null)
    {
        var end = device.Time.GetUtcNow() + time;
        while (device.Time.GetUtcNow() < end) device.Advance(step ?? TimeSpan.FromHours(1));
    }

    private static DateTimeOffset RenewalOf(TestDevice device)
    {
        var credential = device.Engine.Table.Find("est-id")!;
        return Certificates.Engine.Needs.RenewalAt(credential, credential.Current!);
    }

    private static string SerialOf(string pem) => Certificates.Store.PemText.Parse(pem)[0].SerialNumber;
}
