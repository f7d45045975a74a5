using EstProv.Certificates.Renewal;

namespace EstProv.Certificates.Tests.Renewal;

public sealed class AttemptGapTests
{
    private static readonly DateTimeOffset Start = new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Test]
    public void A_first_issue_is_tried_at_doubling_gaps_up_to_five_minutes()
    {
        var gaps = Enumerable.Range(1, 12).Select(failures => Math.Round(AttemptGap.OfFirstIssue(failures, 0.5, null).TotalSeconds, 1));
        Assert.That(gaps, Is.EqualTo(new[] { 1.5, 3, 6, 12, 24, 48, 96, 192, 300, 300, 300, 300 }));
    }

    [Test]
    public void Where_nothing_comes_for_long_its_gaps_grow_to_half_an_hour_after_a_day_and_to_an_hour_at_last()
    {
        var waited = TimeSpan.Zero;
        var failures = 0;
        void WaitUntil(TimeSpan time)
        {
            while (waited < time) waited += AttemptGap.OfFirstIssue(++failures, 0.5, null);
        }

        WaitUntil(TimeSpan.FromHours(1));
        Assert.That(AttemptGap.OfFirstIssue(failures, 0.5, null), Is.EqualTo(TimeSpan.FromMinutes(5)));
        WaitUntil(TimeSpan.FromDays(1));
        Assert.That(AttemptGap.OfFirstIssue(failures, 0.5, null).TotalMinutes, Is.EqualTo(26).Within(3));
        Assert.That(AttemptGap.OfFirstIssue(int.MaxValue, 0.5, null), Is.EqualTo(TimeSpan.FromHours(1)));
    }

    [TestCase(120, 2.0, 4.0)]
    [TestCase(7200, 120.0, 180.0, Description = "spread over an hour at most")]
    [TestCase(10 * 86400, 1440.0, 1500.0, Description = "a mistaken server does not stop a device for ever")]
    [TestCase(-5, 0.02, 0.03)]
    [TestCase(null, 0.02, 0.03)]
    public void What_the_server_asks_for_is_obeyed_and_spread(int? seconds, double fromMinutes, double toMinutes)
    {
        TimeSpan? asked = seconds is { } value ? TimeSpan.FromSeconds(value) : null;
        Assert.That(AttemptGap.OfFirstIssue(1, 0, asked).TotalMinutes, Is.EqualTo(fromMinutes).Within(0.001));
        Assert.That(AttemptGap.OfFirstIssue(1, 1, asked).TotalMinutes, Is.EqualTo(toMinutes).Within(0.001));
    }

    [Test]
    public void Those_who_are_told_to_come_back_at_one_moment_do_not_come_back_in_one_hour()
    {
        var (random, life, end) = (new Random(1), TimeSpan.FromDays(90), Start.AddDays(41));
        var hours = new int[60];
        for (var device = 0; device < 10_000; device++)
        {
            var now = end - TimeSpan.FromDays(1) * random.NextDouble();
            var back = now + AttemptGap.OfRenewal(RenewalPolicy.Default, 1, Start, Start + life, now, random.NextDouble(), end - now);
            hours[(int)(back - end).TotalHours]++;
        }

        Assert.That(hours.Max(), Is.LessThan(1000));
    }
}
