using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>What DPS can do to a device. Each fault is told, tried again with the right gap, and forgotten when its cause goes away.</summary>
public sealed class FaultTests
{
    private readonly TestPki _pki = new("Test CA");

    private static IEnumerable<TestCaseData> Refusals()
    {
        yield return new TestCaseData(TestDps.Error(401, "CA certificate not found."), "dps_unauthorized", "CA certificate not found. (error 401002)", "enrol").SetArgDisplayNames("401");
        yield return new TestCaseData(TestDps.Error(403, "IP blocked"), "dps_forbidden", "IP blocked", "enrolment").SetArgDisplayNames("403");
        yield return new TestCaseData(TestDps.Error(404, "no scope"), "dps_not_found", "0neTEST", "scope_id").SetArgDisplayNames("404");
        yield return new TestCaseData(TestDps.Error(400, "bad id"), "dps_bad_request", "bad id", "128").SetArgDisplayNames("400");
        yield return new TestCaseData(TestDps.Ended("failed", "no hub left"), "dps_failed", "no hub left (error 400209)", "enrolment").SetArgDisplayNames("failed");
        yield return new TestCaseData(TestDps.Ended("disabled"), "dps_disabled", "disabled", "enable").SetArgDisplayNames("disabled");
        yield return new TestCaseData(TestDps.Ended("unassigned"), "dps_unassigned", "assigned no hub", "link").SetArgDisplayNames("unassigned");
    }

    private static IEnumerable<TestCaseData> Passing()
    {
        yield return new TestCaseData(TestDps.Error(429, "slow down"), "dps_throttled", "slow down", "dps_throttled").SetArgDisplayNames("429");
        yield return new TestCaseData(TestDps.Error(500, "oops"), "dps_server_error", "500", "dps_server_error").SetArgDisplayNames("500");
        yield return new TestCaseData(TestDps.Error(503, "busy"), "dps_server_error", "busy").SetArgDisplayNames("503");
        yield return new TestCaseData(new DpsReply(200, "<html>login</html>"), "dps_bad_answer", "not a registration status", "dps_bad_answer").SetArgDisplayNames("html");
        yield return new TestCaseData(new DpsReply(200, ""), "dps_bad_answer", "not a registration status").SetArgDisplayNames("empty");
        yield return new TestCaseData(new DpsReply(200, """{"status":"assigned","status":"assigned"}"""), "dps_bad_answer", "not a registration status").SetArgDisplayNames("twice");
        yield return new TestCaseData(new DpsReply(200, """{"status":"assigned"}"""), "dps_bad_answer", "names no hub").SetArgDisplayNames("no hub");
        yield return new TestCaseData(TestDps.Assigned("hub example/../", "dev"), "dps_bad_answer", "names no hub").SetArgDisplayNames("bad hub");
        yield return new TestCaseData(TestDps.Assigned("hub.example", "a b"), "dps_bad_answer", "names no hub").SetArgDisplayNames("bad device");
        yield return new TestCaseData(TestDps.Ended("dancing"), "dps_bad_answer", "dancing", "dps_bad_answer-unknown-status").SetArgDisplayNames("unknown status");
        yield return new TestCaseData(new DpsReply(202, """{"status":"assigning"}"""), "dps_bad_answer", "no operation").SetArgDisplayNames("no operation");
        yield return new TestCaseData(new DpsReply(302, ""), "dps_bad_answer", "302").SetArgDisplayNames("redirect");
        yield return new TestCaseData(new DpsReply(200, new string(' ', 70_000)), "dps_bad_answer", "too long").SetArgDisplayNames("huge");
        yield return new TestCaseData(null, "dps_reset", "without an answer", "dps_reset").SetArgDisplayNames("hang up");
    }

    [TestCaseSource(nameof(Refusals))]
    public void What_somebody_has_to_change_is_asked_again_after_minutes(object reply, string code, string says, string hint)
    {
        using var dps = new TestDps(_pki.Server("localhost")) { Script = _ => (DpsReply)reply };
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
        device.Certd.Staged = _pki.Device("dev-1");
        var problem = device.Start().UntilProblem(code).Problem!;
        Assert.That(problem.Message, Does.Contain(says).And.Contain("https://localhost"));
        Assert.That(problem.Hint, Does.Contain(hint));
        Message.Shown(code, problem);
        Assert.That(device.Certd.Told, Is.Empty, "a first certificate is kept, whatever DPS says");

        dps.Script = TestDps.Assigning();
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        device.Time.Release();
        Assert.That(device.UntilSettled().Problem, Is.Null);
    }

    [TestCaseSource(nameof(Passing))]
    public void What_passes_by_itself_is_asked_again_soon(object? reply, string code, string says, string? message = null)
    {
        using var dps = new TestDps(_pki.Server("localhost")) { Script = _ => (DpsReply?)reply };
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        var problem = device.Start().UntilProblem(code).Problem!;
        Assert.That(problem.Message, Does.Contain(says).And.Contain("https://localhost"));
        if (message is not null) Message.Shown(message, problem);

        dps.Script = TestDps.Assigning();
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        Assert.That(device.Time.Waits[^1], Is.LessThan(TimeSpan.FromSeconds(1.3)));
        device.Time.Hold = static _ => false;
        device.Time.Release();
        device.UntilSettled();
    }

    [Test]
    public void The_gaps_grow_and_a_longer_wish_of_dps_is_obeyed()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        var attempts = 0;
        dps.Script = _ => ++attempts switch
        {
            <= 6 => TestDps.Error(503, "busy"),
            7 => TestDps.Error(429, "slow down", retryAfter: "1800"),
            _ => TestDps.Assigned("hub.example", "dev-1"),
        };
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilSettled();
        var waits = device.Time.Waits;
        Assert.That(waits, Has.Count.EqualTo(7));
        Assert.That(waits[5], Is.GreaterThan(TimeSpan.FromSeconds(25)));
        Assert.That(waits[6], Is.EqualTo(TimeSpan.FromSeconds(1800)));
    }

    [Test]
    public void A_look_in_between_does_not_disregard_a_retry_after()
    {
        using var dps = new TestDps(_pki.Server("localhost")) { Script = _ => TestDps.Error(429, "slow down", retryAfter: "600") };
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(100);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilProblem("dps_throttled");
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        var held = device.Time.Waits.Count;
        device.Loop.Look();
        SpinWait.SpinUntil(() => device.Time.Waits.Count > held && device.Time.IsHolding, 5000);
        Assert.That(dps.Calls, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_server_that_is_down_is_found_when_it_is_back()
    {
        var port = FreePort();
        using var device = new Device(_pki.Root, new Uri($"https://localhost:{port}/"));
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(3);
        device.Certd.Staged = _pki.Device("dev-1");
        var problem = device.Start().UntilProblem("dps_unreachable").Problem!;
        Assert.That(problem.Message, Does.Contain("connection refused").And.Contain($"https://localhost:{port}").And.Contain("'device-id'"));
        Message.Shown("dps_unreachable", problem);
    }

    [Test]
    public void A_name_that_does_not_resolve_is_told()
    {
        using var device = new Device(_pki.Root, new Uri("https://dps.invalid/"));
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        Message.Shown("dps_dns", device.Start().UntilProblem("dps_dns").Problem!);
    }

    [Test]
    public void A_server_of_another_ca_is_refused()
    {
        using var dps = new TestDps(new TestPki("Other CA").Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        Message.Shown("dps_tls_untrusted", device.Start().UntilProblem("dps_tls_untrusted").Problem!);
        Assert.That(dps.Calls, Is.Empty);
    }

    [Test]
    public void The_trust_bundle_is_not_what_dps_is_verified_against()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        var certd = new MemoryCertd { Staged = _pki.Device("dev-1") };
        certd.Others["trust-bundle"] = [_pki.Root];
        using var device = new Device(_pki.Root, dps.Url, certd: certd);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        var problem = device.Start().UntilProblem("certificate_not_found").Problem!;
        Assert.That(problem.Message, Does.Contain("identityd.toml:4:1").And.Contain("dps-ca"));
        Message.Shown("certificate_not_found-trusted-certs", problem);
        Assert.That(dps.Calls, Is.Empty);
    }

    [Test]
    public void A_server_with_another_name_is_refused()
    {
        using var dps = new TestDps(_pki.Server("elsewhere.example"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        var problem = device.Start().UntilProblem("dps_tls_name").Problem!;
        Assert.That(problem.Message, Does.Contain("elsewhere.example"));
        Assert.That(problem.Message, Does.Contain("'localhost'"));
        Assert.That(dps.Calls, Is.Empty);
    }

    [Test]
    public void An_expired_server_is_refused()
    {
        using var dps = new TestDps(_pki.Server("localhost", validFromDays: -9, validToDays: -1));
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilProblem("dps_tls_expired");
    }

    [Test]
    public void A_server_from_the_future_is_refused_by_a_clock_that_is_believed()
    {
        using var dps = new TestDps(_pki.Server("localhost", validFromDays: 2));
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilProblem("dps_tls_not_yet_valid");
    }

    [Test]
    public void A_clock_in_1970_does_not_stand_in_the_way()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        var told = DateTimeOffset.UtcNow.ToString("r", CultureInfo.InvariantCulture);
        dps.Script = call => TestDps.Assigning()(call)! with { Date = told };
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Set(DateTimeOffset.UnixEpoch);
        device.Certd.Staged = _pki.Device("dev-1");
        Assert.That(device.Clock.IsBelieved, Is.False);
        device.Start().UntilSettled();
        Assert.That(device.Clock.Floor, Is.GreaterThan(DateTimeOffset.UtcNow.AddMinutes(-5)), "the server's time is the new floor");
    }

    [Test]
    public void A_result_that_cannot_be_stored_is_served_and_stored_later()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(3);
        device.Certd.Staged = _pki.Device("dev-1");
        Directory.CreateDirectory(device.Store.Path);
        var now = device.Start().Until(static now => now.Provisioned is not null && now.Problem is not null);
        Assert.That(now.Phase, Is.EqualTo(ProvisioningPhase.Settled));
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        Directory.Delete(device.Store.Path);
        device.Time.Release();
        device.Until(static now => now.Problem is null);
        Assert.That(device.Store.Read(out _)!.DeviceId, Is.EqualTo("dev-1"));
        Assert.That(dps.Calls.Count(call => call.Method == "PUT"), Is.EqualTo(1));
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
