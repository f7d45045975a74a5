using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>What happens after the first provisioning: restarts, changed settings, renewed certificates, wishes of the operator.</summary>
public sealed class LifeTests
{
    private readonly TestPki _pki = new("Test CA");

    [Test]
    public void A_restarted_device_serves_its_result_without_asking_anybody()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var first = Provisioned(dps);
        first.Stop();
        var calls = dps.Calls.Count;

        using var again = new Device(_pki.Root, dps.Url, first.Folder, first.Certd);
        again.Loop.Restore();
        Assert.That(again.Status.Require(), Is.EqualTo(first.Status.Require()).Using<ProvisionedState>((a, b) => a.DeviceId == b.DeviceId && a.Hub == b.Hub && a.Certificate == b.Certificate));
        again.Start().Until(static now => now.Phase is ProvisioningPhase.Settled);
        SpinWait.SpinUntil(() => again.Certd.AskedCommonName is null, 100);
        Assert.That(dps.Calls, Has.Count.EqualTo(calls));
    }

    [Test]
    public void A_restarted_device_serves_its_result_while_the_certificates_service_is_down()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var first = Provisioned(dps);
        first.Stop();
        first.Certd.Unreachable = new("certd_unreachable", "cannot reach the Certificates Service", "start it", 503);
        using var again = new Device(_pki.Root, dps.Url, first.Folder, first.Certd);
        again.Start().UntilProblem("certd_unreachable");
        Assert.That(again.Status.Require().DeviceId, Is.EqualTo("dev-1"));
        first.Certd.Unreachable = null;
        again.Until(static now => now.Problem is null && now.Phase is ProvisioningPhase.Settled);
    }

    [Test]
    public void A_changed_scope_registers_anew_and_the_old_result_is_not_served()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var first = Provisioned(dps);
        first.Stop();
        dps.Script = TestDps.Assigning("other-hub.example");
        using var again = new Device(_pki.Root, dps.Url, first.Folder, first.Certd, scope: "0neOTHER");
        again.Loop.Restore();
        Assert.That(() => again.Status.Require(), Throws.Exception.With.Property("Code").EqualTo("not_provisioned"));
        Assert.That(again.Start().UntilSettled().Provisioned!.Hub, Is.EqualTo("other-hub.example"));
        Assert.That(again.Store.Read(out _)!.ScopeId, Is.EqualTo("0neOTHER"));
    }

    [Test]
    public void A_damaged_file_is_told_and_made_anew([Values("", "{", "[]", "{}", """{"version":2}""", """{"version":1,"version":1}""")] string content)
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var first = Provisioned(dps);
        first.Stop();
        File.WriteAllText(first.Store.Path, content);
        Assert.That(first.Store.Read(out var problem), Is.Null);
        Assert.That(problem!.Code, Is.EqualTo("state_damaged"));
        using var again = new Device(_pki.Root, dps.Url, first.Folder, first.Certd);
        again.Start().UntilSettled();
        Assert.That(again.Store.Read(out _), Is.Not.Null);
    }

    [Test]
    public void A_renewed_certificate_is_proved_at_dps_and_confirmed()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = Provisioned(dps);
        var renewed = device.Certd.Staged = _pki.Device("dev-1");
        device.Loop.Look();
        device.Until(now => now.Phase is ProvisioningPhase.Settled && now.Provisioned!.Certificate == MemoryCertd.Text(renewed));
        Assert.That(device.Certd.Told[^1], Is.EqualTo("confirmed " + renewed.Thumbprint));
        Assert.That(device.Store.Read(out _)!.Certificate, Is.EqualTo(MemoryCertd.Text(renewed)));
    }

    [Test]
    public void A_renewed_certificate_that_dps_refuses_is_dropped_while_the_old_one_works()
    {
        var device = Provisioned(out var dps);
        using (dps)
        using (device)
        {
            var old = device.Status.Require();
            var renewed = device.Certd.Staged = _pki.Device("dev-1-renewed");
            dps.Script = call => call.Client == "CN=dev-1-renewed" ? TestDps.Error(401, "unknown CA") : TestDps.Assigning()(call);
            device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
            device.Loop.Look();
            device.UntilProblem("dps_unauthorized");
            Assert.That(device.Certd.Told[^1], Is.EqualTo("refused " + renewed.Thumbprint));
            Assert.That(device.Status.Require(), Is.EqualTo(old));
            SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
            device.Time.Release();
            device.Until(static now => now.Phase is ProvisioningPhase.Settled && now.Problem is null);
        }
    }

    [Test]
    public void A_first_certificate_that_dps_refuses_makes_room_for_another_now_and_then()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        var first = device.Certd.Staged = _pki.Device("dev-1-wrong");
        dps.Script = call => call.Client == "CN=dev-1-wrong" ? TestDps.Error(401, "unknown CA") : TestDps.Assigning()(call);

        device.Start();
        Assert.That(() => device.Certd.Told, Has.One.EqualTo("refused " + first.Thumbprint).After(10_000, 10));
        Assert.That(dps.Calls, Has.Count.EqualTo(4), "it had its chances");
        device.Certd.Staged = _pki.Device("dev-1");
        device.Loop.Look();

        device.UntilSettled();
    }

    [Test]
    public void A_renewed_certificate_is_kept_when_dps_refuses_the_old_one_too()
    {
        var device = Provisioned(out var dps);
        using (dps)
        using (device)
        {
            var renewed = device.Certd.Staged = _pki.Device("dev-1");
            dps.Script = _ => TestDps.Error(401, "enrolment is gone");
            device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
            device.Loop.Look();
            device.UntilProblem("dps_unauthorized");
            Assert.That(device.Certd.Told, Has.Count.EqualTo(1), "only the first confirmation");
            Assert.That(device.Status.Require().DeviceId, Is.EqualTo("dev-1"));

            dps.Script = TestDps.Assigning();
            SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
            device.Time.Release();
            device.Until(now => now.Provisioned!.Certificate == MemoryCertd.Text(renewed));
        }
    }

    [Test]
    public void Connection_refused_takes_no_assignment_away()
    {
        var device = Provisioned(out var dps);
        dps.Dispose();
        using (device)
        {
            device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(3);
            var asked = device.Loop.Reprovision();
            device.Until(now => now.Reprovisions >= asked);
            Assert.That(device.Status.Now.Problem!.Code, Is.EqualTo("dps_unreachable"));
            Assert.That(device.Status.Require().DeviceId, Is.EqualTo("dev-1"));
            Assert.That(device.Store.Read(out _), Is.Not.Null);
        }
    }

    [Test]
    public void A_wish_to_register_again_is_tried_at_once_and_until_it_succeeds()
    {
        var device = Provisioned(out var dps);
        using (dps)
        using (device)
        {
            var failures = 0;
            dps.Script = call => failures++ < 3 ? TestDps.Error(500, "oops") : TestDps.Assigning("new-hub.example")(call);
            device.Loop.Reprovision();
            device.Until(static now => now.Provisioned!.Hub == "new-hub.example");
            Assert.That(failures, Is.GreaterThan(3));
        }
    }

    [Test]
    public void A_preloaded_certificate_that_the_operator_replaced_is_registered()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = Provisioned(dps);
        device.Certd.Current = _pki.Device("dev-2");
        device.Loop.Look();
        device.Until(static now => now.Provisioned!.DeviceId == "dev-2");
    }

    [Test]
    public void Whoever_waits_is_let_go_when_the_daemon_stops()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        new ProvisioningStatus().WaitUntil(static _ => false, TimeSpan.FromMinutes(10), stop.Token);
    }

    private Device Provisioned(out TestDps dps)
    {
        dps = new TestDps(_pki.Server("localhost"));
        return Provisioned(dps);
    }

    private Device Provisioned(TestDps dps)
    {
        var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilSettled();
        return device;
    }
}
