using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>Clocks that are wrong, are set, or stand still while the device sleeps: nothing is renewed wrongly, nothing missed, nothing thrown away.</summary>
public sealed class ClockTests
{
    private static readonly TimeSpan Life = TimeSpan.FromDays(90);

    [Test]
    [Description("ie#1815: no RTC at boot, a certificate minted in 2016 has expired at once")]
    public async Task What_is_minted_by_a_clock_in_1970_is_good_when_the_clock_is_right()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Configuration = ProvisioningTests.WithLocalMint(device.Configuration);
        var real = device.Time.GetUtcNow();
        device.Time.SetClock(DateTimeOffset.UnixEpoch);
        device.Start();
        device.Provision();
        device.Time.SetClock(real);
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Served("device-id").NotAfter.ToUniversalTime(), Is.GreaterThan(real.UtcDateTime + TimeSpan.FromDays(1)));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
        Assert.That(device.Events.Count("issued", "device-id"), Is.EqualTo(1), "and it was not minted again");
    }

    [Test]
    public async Task Certificates_that_are_not_valid_yet_by_a_clock_that_lags_are_kept_served_and_not_renewed()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var (identity, own) = (device.Current("est-id")!, device.Served("device-id"));
        device.Stop();
        device.Time.SetClock(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero));
        device.Start();
        for (var i = 0; i < 24; i++) device.Advance(TimeSpan.FromHours(1));

        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(identity.Spki));
        Assert.That(device.Served("device-id").RawData, Is.EqualTo(own.RawData));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
        Assert.That(device.Events.Count("issued", "est-id") + device.Events.Count("failed", "est-id"), Is.EqualTo(1), "nothing was asked for");
        Assert.That(() => device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None), Throws.Nothing, "and it works at the EST server");
    }

    [Test]
    public async Task A_staged_certificate_is_not_dropped_nor_taken_unproved_by_a_clock_that_is_wrong()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Current("device-id")!;
        device.Advance(0.76 * Life);
        var staged = device.Engine.Table.Find("device-id")!.Staged!;
        device.Stop();
        device.Time.SetClock(DateTimeOffset.UnixEpoch);
        device.Start();
        device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Engine.Table.Find("device-id")!.Staged!.Spki, Is.EqualTo(staged.Spki));
        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(before.Spki));
    }

    [Test]
    [Description("ie#6933: a clock jump or a suspended device skips the window")]
    public async Task A_device_that_sleeps_through_its_window_renews_when_it_wakes()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Current("est-id")!;
        // Suspended: the wall clock goes on, timers and the monotonic clock do not.
        device.AwaitIdle();
        device.Time.SetClock(before.NotAfter - TimeSpan.FromDays(2));
        device.Advance(TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(1));
        Assert.That(device.Asked, Has.Some.EqualTo("simplereenroll/est-id 200"));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before.Spki));
    }

    [Test]
    [Description("smallstep/certificates#177, #616: machines sleep for months")]
    public async Task A_device_that_was_off_for_half_a_year_has_everything_again_within_minutes()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.Stop();
        device.Time.Advance(TimeSpan.FromDays(183));
        device.Start();
        for (var i = 0; i < 3; i++) device.Advance(TimeSpan.FromMinutes(2));
        Assert.That(device.Current("est-id")!.NotAfter, Is.GreaterThan(device.Time.GetUtcNow()));
        Assert.That(device.Ensure("device-id").State, Is.Not.EqualTo(CredentialState.Pending));
    }

    [Test]
    public async Task A_clock_that_jumps_ahead_and_back_costs_one_renewal_at_most()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var real = device.Time.GetUtcNow();
        for (var i = 0; i < 5; i++)
        {
            device.Time.SetClock(device.Time.GetUtcNow().AddDays(80));
            device.Advance(TimeSpan.FromMinutes(6));
            device.Time.SetClock(real + TimeSpan.FromHours(i));
            device.Advance(TimeSpan.FromMinutes(6));
        }

        Assert.That(device.Events.Count("issued", "est-id"), Is.InRange(1, 2));
        Assert.That(device.Ensure("est-id").State, Is.EqualTo(CredentialState.Current));
        device.Time.SetClock(real + TimeSpan.FromDays(1));
        // What was issued by a clock that was ahead has its turn late, but before its end.
        for (var day = 0; day < 88; day++) device.Advance(TimeSpan.FromDays(1));
        Assert.That(device.Current("est-id")!.NotAfter, Is.GreaterThan(device.Time.GetUtcNow() + TimeSpan.FromDays(20)), "and nothing is missed after it");
    }

    [Test]
    [Description("smallstep/certificates#676: a daemon renews every few seconds in a loop")]
    public async Task Whatever_the_clock_does_nothing_is_issued_in_a_loop()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var clock = new Random(4711);
        for (var i = 0; i < 100; i++)
        {
            device.Time.SetClock(new DateTimeOffset(2027, 3, 1, 0, 0, 0, TimeSpan.Zero).AddDays(clock.Next(-400, 400)));
            device.Advance(TimeSpan.FromMinutes(6));
        }

        Assert.That(device.Events.Count("issued", "est-id"), Is.LessThan(60));
        Assert.That(PemText.Parse(device.Reader.Read("est-id")), Is.Not.Empty);
    }
}
