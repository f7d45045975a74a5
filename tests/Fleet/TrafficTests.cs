using EstProv.Fleet.Simulation;

namespace EstProv.Fleet.Tests;

public sealed class TrafficTests
{
    private const long Minute = 60_000;

    [Test]
    public void The_busiest_hour_may_begin_at_any_minute()
    {
        var traffic = new Traffic(TimeSpan.FromDays(1));
        for (var i = 0; i < 1800; i++) traffic.Count(150 * Minute + i * Minute / 30);
        Assert.That(traffic.BusiestHour(), Is.EqualTo(0.5));
        Assert.That(traffic.BusiestHour(TimeSpan.FromHours(3)), Is.EqualTo(0.25));
        Assert.That(traffic.Mean(), Is.EqualTo(1800 / (21.5 * 3600)).Within(1e-9));
    }

    [Test]
    public void Rates_are_means_over_equal_parts()
    {
        var traffic = new Traffic(TimeSpan.FromHours(4));
        for (var i = 0; i < 3600; i++) traffic.Count(60 * Minute + i);
        Assert.That(traffic.Rates(TimeSpan.Zero, TimeSpan.FromHours(4), 4), Is.EqualTo(new[] { 0.0, 1, 0, 0 }));
    }
}
