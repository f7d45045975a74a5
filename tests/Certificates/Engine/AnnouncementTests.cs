using EstProv.Certificates.Tests.Support;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>Certificates whose keys are their callers' are not renewed here; that they near their end is told.</summary>
public sealed class AnnouncementTests
{
    private static readonly TimeSpan Life = TimeSpan.FromDays(90);

    [Test]
    public async Task It_is_told_once_a_day_from_the_end_of_the_window_on_until_somebody_asks_for_another_one()
    {
        await using var device = await IssuedAsync();
        var csr = Csr.Make("CN=server").Pem;
        var old = device.Issuer.Issue("module-server", csr, null, CancellationToken.None);
        Go(device, 0.74 * Life);
        Assert.That(device.Events.Count("expiring", "module-server"), Is.Zero);
        Assert.That(device.Issuer.Issue("module-server", csr, null, CancellationToken.None), Is.EqualTo(old), "until then the same request gets the same certificate: it cost money");

        Go(device, 0.1 * Life);

        var told = device.Events.Count("expiring", "module-server");
        Assert.That(told, Is.InRange(1, 11));
        Assert.That(device.Events.Await("expiring", "module-server").Fields["reason"], Is.EqualTo("expiry"));
        Go(device, TimeSpan.FromDays(2));
        Assert.That(device.Events.Count("expiring", "module-server") - told, Is.InRange(1, 2), "who was away hears it the next day");
        Assert.That(device.Issuer.Issue("module-server", csr, null, CancellationToken.None), Is.Not.EqualTo(old));
        told = device.Events.Count("expiring", "module-server");
        Go(device, TimeSpan.FromDays(5));
        Assert.That(device.Events.Count("expiring", "module-server"), Is.EqualTo(told));
    }

    [Test]
    public async Task That_nobody_asked_in_time_is_told_once()
    {
        await using var device = await IssuedAsync();
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        Go(device, Life + TimeSpan.FromDays(4));
        Assert.That(device.Events.Count("expired", "module-server"), Is.EqualTo(1));
    }

    [Test]
    public async Task By_a_clock_that_is_not_believed_nothing_nears_its_end()
    {
        await using var device = await IssuedAsync();
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        device.Stop();
        device.BuildTime = device.Time.GetUtcNow() + Life - TimeSpan.FromDays(1);
        device.Time.SetClock(DateTimeOffset.UnixEpoch);
        device.Start();
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Events.Count("expiring", "module-server"), Is.Zero);
    }

    [Test]
    public async Task A_fleet_that_was_made_on_one_day_does_not_ask_on_one_day()
    {
        await using var device = await IssuedAsync();
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        var stored = device.Engine.Table.FindOther("module-server")!;
        var first = device.Engine.Announcements.TimeOf(stored with { Spread = 0 });
        var last = device.Engine.Announcements.TimeOf(stored with { Spread = 0.999999 });
        Assert.That(last - first, Is.EqualTo(0.25 / 3 * Life).Within(TimeSpan.FromMinutes(5)));
        Assert.That(stored.NotAfter - last, Is.GreaterThan(0.16 * Life));
    }

    private static Task<TestDevice> IssuedAsync() => RenewalTests.ProvisionedAsync();

    /// <summary>The device identity's user is at work too.</summary>
    private static void Go(TestDevice device, TimeSpan time)
    {
        for (var left = time; left > TimeSpan.Zero; left -= TimeSpan.FromHours(6)) device.Advance(left < TimeSpan.FromHours(6) ? left : TimeSpan.FromHours(6));
    }
}
