using EstProv.Certificates.Renewal;

namespace EstProv.Certificates.Tests.Renewal;

public sealed class RenewalPolicyTests
{
    private static readonly DateTimeOffset Start = new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Life = TimeSpan.FromDays(100);

    [TestCase(0.0, 60.0)]
    [TestCase(0.5, 70.0)]
    [TestCase(1.0, 80.0)]
    public void The_first_try_lies_between_60_and_80_percent_by_the_certificates_own_number(double spread, double day) =>
        Assert.That(RenewalPolicy.FirstTry(Start, Start + Life, Start, spread), Is.EqualTo(Start + TimeSpan.FromDays(day)).Within(TimeSpan.FromSeconds(1)));

    [Test]
    public void What_was_nearly_over_when_it_was_issued_is_not_renewed_at_once()
    {
        var issued = Start + 0.9 * Life;
        Assert.That(RenewalPolicy.FirstTry(Start, Start + Life, issued, 0), Is.EqualTo(issued + TimeSpan.FromDays(6)).Within(TimeSpan.FromSeconds(1)));
        Assert.That(RenewalPolicy.FirstTry(Start, Start + Life, Start + Life - TimeSpan.FromSeconds(1), 0), Is.GreaterThanOrEqualTo(Start + Life - TimeSpan.FromMilliseconds(500)));
    }

    [Test]
    public void An_issue_time_by_a_wrong_clock_is_left_aside()
    {
        Assert.That(RenewalPolicy.FirstTry(Start, Start + Life, DateTimeOffset.UnixEpoch, 0), Is.EqualTo(Start + 0.6 * Life));
        Assert.That(RenewalPolicy.FirstTry(Start, Start + Life, Start + 2 * Life, 0), Is.EqualTo(Start + 0.6 * Life));
    }

    [Test]
    public void Gaps_grow_to_hours_and_shrink_as_the_end_nears()
    {
        TimeSpan Gap(int failures, TimeSpan left) => RenewalPolicy.RetryGap(failures, left, Life, 0.5);
        Assert.That(Gap(1, TimeSpan.FromDays(30)), Is.EqualTo(TimeSpan.FromMinutes(1)), "the floor");
        Assert.That(Gap(4, TimeSpan.FromDays(30)), Is.EqualTo(TimeSpan.FromMinutes(4)));
        Assert.That(Gap(50, TimeSpan.FromDays(30)), Is.EqualTo(TimeSpan.FromHours(6)));
        Assert.That(Gap(50, TimeSpan.FromHours(10)), Is.EqualTo(TimeSpan.FromHours(1)));
        Assert.That(Gap(50, TimeSpan.FromMinutes(5)), Is.EqualTo(TimeSpan.FromMinutes(1)), "never faster than the floor");
        Assert.That(Gap(50, TimeSpan.FromDays(-3)), Is.EqualTo(TimeSpan.FromMinutes(30)), "it goes on after expiry");
        Assert.That(Gap(int.MaxValue, TimeSpan.FromDays(300)), Is.EqualTo(TimeSpan.FromHours(6)));
    }

    [Test]
    public void Devices_of_one_day_spread_their_tries()
    {
        var random = new Random(1);
        var perDay = Enumerable.Range(0, 20_000)
            .Select(_ => RenewalPolicy.FirstTry(Start, Start + Life, Start, random.NextDouble()).Date)
            .GroupBy(day => day).Select(day => day.Count()).ToList();
        Assert.That(perDay, Has.Count.EqualTo(20));
        Assert.That(perDay, Has.All.InRange(850, 1150));
    }
}
