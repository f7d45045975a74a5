using EstProv.Configuration.Identityd;
using EstProv.Identity.Tests.Support;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>
/// What users of such daemons complained of in public, each for every source: iis = Azure/iot-identity-service, ie = Azure/iotedge.
/// </summary>
public sealed class PainTests
{
    private readonly TestPki _pki = new("Test CA");

    [Test]
    public void The_first_rejection_is_no_crash_loop_ie_7411([Values("dps", "dps by key", "manual", "manual by key")] string source)
    {
        using var cloud = new TestDps(_pki.Server("localhost")) { TakesTokens = true, Script = static _ => TestDps.Error(401, "no") };
        using var device = New(source, cloud.Url);
        using var keyd = new TestKeyd(device.Folder);
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(150);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start();
        Assert.That(() => device.Time.IsHolding, Is.True.After(10_000, 10), "after growing gaps it is still there, waiting");
        Assert.That(cloud.Calls, Has.Count.EqualTo(3));
        cloud.Script = Good;
        device.Time.Release();
        Assert.That(device.UntilSettled().Problem, Is.Null);
    }

    [Test]
    public void Connection_refused_provisions_nothing_anew_ie_pr_7246([Values("dps", "dps by key", "manual", "manual by key")] string source)
    {
        var cloud = new TestDps(_pki.Server("localhost")) { TakesTokens = true, Script = Good };
        using var first = New(source, cloud.Url);
        using (new TestKeyd(first.Folder))
        {
            first.Certd.Staged = _pki.Device("dev-1");
            first.Start().UntilSettled();
        }

        first.Stop();
        var calls = cloud.Calls.Count;
        cloud.Dispose();
        using var again = new Device(_pki.Root, first.Settings, first.Folder, first.Certd);
        var now = again.Start().UntilSettled();
        SpinWait.SpinUntil(() => again.Status.Now.Problem is not null, 100);
        Assert.That(again.Status.Now.Problem, Is.Null, "nobody was asked");
        Assert.That(now.Provisioned!.DeviceId, Is.EqualTo("dev-1"));
        Assert.That(cloud.Calls, Has.Count.EqualTo(calls));
    }

    [Test]
    public void A_failed_renewal_leads_back_to_the_certificate_in_use_iis_pr_392([Values("dps", "manual")] string source)
    {
        using var cloud = new TestDps(_pki.Server("localhost")) { Script = Good };
        using var device = New(source, cloud.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        var old = device.Start().UntilSettled().Provisioned!;
        device.Certd.Staged = _pki.Device("dev-1");
        cloud.Script = static _ => TestDps.Error(401, "no");
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
        device.Loop.Look();
        Assert.That(() => device.Time.IsHolding, Is.True.After(10_000, 10));
        Assert.That(device.Status.Require(), Is.EqualTo(old));
        Assert.That(device.Store.Read(out _)!.Certificate, Is.EqualTo(old.Certificate), "after a restart, too");
    }

    [Test]
    public void A_clock_without_a_battery_does_not_keep_a_device_out_ie_1815([Values("dps", "dps by key", "manual", "manual by key")] string source)
    {
        using var cloud = new TestDps(_pki.Server("localhost")) { TakesTokens = true };
        cloud.Script = call =>
        {
            var now = DateTimeOffset.UtcNow;
            var isStale = call.Authorization is not null && SasParts.Read(call.Authorization).End < now;
            var reply = isStale ? TestDps.Error(401, "expired") : Good(call);
            return reply with { Date = now.ToString("r", System.Globalization.CultureInfo.InvariantCulture) };
        };
        using var device = New(source, cloud.Url);
        using var keyd = new TestKeyd(device.Folder);
        device.Time.Set(DateTimeOffset.UnixEpoch);
        device.Certd.Staged = _pki.Device("dev-1");
        Assert.That(device.Start().UntilSettled().Attempt, Is.Zero);
        Assert.That(device.Log.All, Has.None.Contains("failed"));
    }

    private Device New(string source, Uri cloud)
    {
        ProvisioningSettings settings = source.StartsWith("dps", StringComparison.Ordinal)
            ? Device.Dps(cloud) with { RegistrationId = "dev-1" } : Device.Manual(cloud);
        if (source.EndsWith("key", StringComparison.Ordinal)) settings = settings with { Authentication = Device.Key };
        return new Device(_pki.Root, settings);
    }

    private static DpsReply Good(DpsCall call)
        => call.Path.Contains("/modules", StringComparison.Ordinal) ? new DpsReply(200, "[]") : TestDps.Assigning()(call)!;
}
