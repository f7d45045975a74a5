using EstProv.EndToEnd.Tests.Support;
using EstProv.Simulator.Faults;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>
/// What EST server and DPS may do to a device that is provisioning itself: each ends in a clear message and in retries, nothing crashes, and
/// when the cause goes away the device is provisioned with no restart.
/// </summary>
public sealed class ServerFaultTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private SimulatorFixture _simulator = null!;

    [SetUp]
    public void StartSimulator() => _simulator = new SimulatorFixture();

    [TearDown]
    public void StopSimulator() => _simulator.Dispose();

    private static IEnumerable<TestCaseData> EstFaults()
    {
        yield return Case("401", new FaultRule { Kind = FaultKind.Status, Service = Simulator.SimulatorService.Est, Route = "simpleenroll", Status = 401 }, "est_unauthorized");
        yield return Case("403", new FaultRule { Kind = FaultKind.Status, Service = Simulator.SimulatorService.Est, Route = "simpleenroll", Status = 403 }, "est_forbidden");
        yield return Case("404", new FaultRule { Kind = FaultKind.Status, Service = Simulator.SimulatorService.Est, Route = "simpleenroll", Status = 404 }, "est_not_found");
        yield return Case("500", new FaultRule { Kind = FaultKind.Status, Service = Simulator.SimulatorService.Est, Route = "simpleenroll", Status = 500 }, "est_server_error");
        yield return Case("no PKCS#7", new FaultRule { Kind = FaultKind.NotPkcs7, Service = Simulator.SimulatorService.Est, Route = "simpleenroll" }, "est_bad_answer");
        yield return Case("wrong key", new FaultRule { Kind = FaultKind.WrongKey, Service = Simulator.SimulatorService.Est, Route = "simpleenroll" }, "est_wrong_key");
        yield return Case("expired", new FaultRule { Kind = FaultKind.Expired, Service = Simulator.SimulatorService.Est, Route = "simpleenroll" }, "est_expired");
        yield return Case("not yet valid", new FaultRule { Kind = FaultKind.NotYetValid, Service = Simulator.SimulatorService.Est, Route = "simpleenroll" }, "est_not_yet_valid");
        yield return Case("name mismatch", new FaultRule { Kind = FaultKind.TlsName, Service = Simulator.SimulatorService.Est }, "est_tls_name");
        yield return Case("unknown CA", new FaultRule { Kind = FaultKind.TlsUnknownCa, Service = Simulator.SimulatorService.Est }, "est_tls_untrusted");
        yield return Case("connection reset", new FaultRule { Kind = FaultKind.Reset, Service = Simulator.SimulatorService.Est }, "est_");
        yield return Case("client certificate refused", new FaultRule { Kind = FaultKind.TlsClientAlert, Service = Simulator.SimulatorService.Est }, "est_tls_alert");
    }

    [TestCaseSource(nameof(EstFaults))]
    public void An_est_fault_is_named_retried_and_overcome(FaultRule fault, string code)
    {
        using var device = new Device(_simulator, "device-f");
        var id = _simulator.Host.AddFault(fault);
        device.StartAll();
        var line = device["certd"].WaitForLine(code, s_patience);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(line, Does.Contain("est-id"), "the line names the certificate");
            Assert.That(line, Does.Contain("https://"), "and the URL");
            Assert.That(line, Does.Contain("bootstrap"), "and the credential");
        }

        Assert.That(device["certd"].CountLines(code), Is.LessThan(5), "attempts are spaced out");
        _simulator.Host.Faults.Remove(id);
        device.WaitUntilProvisioned();
        AssertNobodyDied(device);
    }

    [Test]
    public void A_server_with_one_profile_that_gives_no_ca_certificate_is_refused_with_a_hint()
    {
        using var device = new Device(_simulator, "device-g");
        device.Edit("certd", "device-id = \"est\"", "device-id = \"device-ca\"");
        var id = _simulator.Host.AddFault(new FaultRule { Kind = FaultKind.NotCa, Service = Simulator.SimulatorService.Est, Label = "device-ca" });
        device.StartAll();
        var line = device["certd"].WaitForLine("est_not_ca", s_patience);
        Assert.That(line, Does.Contain("device-ca").And.Contain("hint:"));
        _simulator.Host.Faults.Remove(id);
        device.WaitUntilProvisioned();
        AssertNobodyDied(device);
    }

    [Test]
    public void A_request_answered_later_is_repeated_with_the_same_key_also_after_a_restart()
    {
        using var device = new Device(_simulator, "device-h");
        _simulator.Host.AddFault(new FaultRule { Kind = FaultKind.Pending, Service = Simulator.SimulatorService.Est, Label = "est-id", Route = "simpleenroll", RetryAfter = 1, Polls = 2 });
        device.StartAll();
        device["certd"].WaitForLine("(202)", s_patience);
        device["certd"].Kill();
        device.Start("certd");
        device.WaitUntilProvisioned();
        Assert.That(device.Token.CountPrivateKeys(), Is.EqualTo(3), "the key of the first request was used to the end");
    }

    [Test]
    public void An_est_server_that_comes_late_is_no_reason_to_restart()
    {
        using var device = new Device(_simulator, "device-i");
        _simulator.Stop();
        device.StartAll();
        device["certd"].WaitForLine("est_unreachable", s_patience);
        _simulator.StartAgain();
        device.WaitUntilProvisioned();
        AssertNobodyDied(device);
    }

    [TestCase("failed", false)]
    [TestCase("disabled", true)]
    public void A_registration_that_dps_refuses_is_told_and_tried_again_after_a_minute_or_when_somebody_asks(string state, bool isAsked)
    {
        using var device = new Device(_simulator, "device-j");
        device.AppendManager();
        var id = _simulator.Host.AddFault(new FaultRule { Kind = FaultKind.DpsState, Service = Simulator.SimulatorService.Dps, State = state });
        device.StartAll();
        var line = device["identityd"].WaitForLine($"code=dps_{state}", s_patience);
        Assert.That(line, Does.Contain("https://").And.Contain("device-j"));
        var (code, output) = device.Command("status");
        Assert.That(output, Does.Contain(state), $"status says so too (exit {code})");
        _simulator.Host.Faults.Remove(id);
        using var calls = new LocalCalls(device);
        if (isAsked) calls.Send("identityd", HttpMethod.Post, "/identities/device/reprovision", new { type = "aziot" });
        device.WaitUntilProvisioned(seconds: isAsked ? 30 : 90);
        Assert.That(device.Token.CountPrivateKeys(), Is.EqualTo(3), "no certificate was burnt for it");
        AssertNobodyDied(device);
    }

    [TestCase(FaultKind.Reset, "dps_")]
    [TestCase(FaultKind.TlsName, "dps_tls_name")]
    [TestCase(FaultKind.TlsUnknownCa, "dps_tls_untrusted")]
    public void Dps_out_of_reach_is_told_and_tried_again(FaultKind kind, string code)
    {
        using var device = new Device(_simulator, "device-k");
        var id = _simulator.Host.AddFault(new FaultRule { Kind = kind, Service = Simulator.SimulatorService.Dps });
        device.StartAll();
        device["identityd"].WaitForLine(code, s_patience);
        _simulator.Host.Faults.Remove(id);
        device.WaitUntilProvisioned();
        AssertNobodyDied(device);
    }

    private static void AssertNobodyDied(Device device)
    {
        foreach (var daemon in new[] { "keyd", "certd", "identityd" }) Assert.That(device[daemon].HasExited, Is.False, daemon + " still runs");
    }

    private static TestCaseData Case(string name, FaultRule fault, string code) => new TestCaseData(fault, code).SetArgDisplayNames(name);
}
