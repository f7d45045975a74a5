using EstProv.Certificates.Renewal;
using EstProv.Configuration.Certd;

namespace EstProv.Certificates.Tests.Renewal;

public sealed class RenewalPolicyTests
{
    private static readonly DateTimeOffset Start = new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Life = TimeSpan.FromDays(100);
    private static readonly RenewalPolicy Default = RenewalPolicy.Default;

    [TestCase(0.0, 35.0)]
    [TestCase(0.5, 55.0)]
    [TestCase(1.0, 75.0)]
    public void The_first_try_lies_between_35_and_75_percent_by_the_certificates_own_number(double spread, double day) =>
        Assert.That(Due(Default, spread), Is.EqualTo(day).Within(0.001));

    [TestCase("80%", "80%", 80.0, 80.0)]
    [TestCase("50%", "20 days", 50.0, 80.0)]
    [TestCase("40 days", "1440 minutes", 60.0, 99.0)]
    [TestCase("10 days", "50%", 50.0, 90.0, Description = "by this life the other way round")]
    [TestCase("1%", "50%", 10.0, 50.0, Description = "not in the first tenth")]
    [TestCase("95 days", "50%", 10.0, 50.0)]
    [TestCase("200 days", "95 days", 35.0, 75.0, Description = "no room for it: the default")]
    public void A_configured_window_is_kept_as_far_as_the_certificates_life_has_room_for_it(string from, string until, double first, double last)
    {
        var policy = Policy(from, until);
        Assert.That(Due(policy, 0), Is.EqualTo(first).Within(0.001));
        Assert.That(Due(policy, 1), Is.EqualTo(last).Within(0.001));
    }

    [Test]
    public void What_is_not_configured_is_the_default()
    {
        Assert.That(RenewalPolicy.Of(null), Is.EqualTo(Default));
        Assert.That(RenewalPolicy.Of(new RenewalSettings()), Is.EqualTo(Default));
        Assert.That(RenewalPolicy.Of(new RenewalSettings { Retry = LifetimeSpan.OfShare(0.04) }), Is.EqualTo(Default with { Retry = LifetimeSpan.OfShare(0.04) }));
    }

    [Test]
    public void What_was_nearly_over_when_it_was_issued_is_not_renewed_at_once()
    {
        var issued = Start + 0.9 * Life;
        Assert.That(Default.FirstTry(Start, Start + Life, issued, 0), Is.EqualTo(issued + TimeSpan.FromDays(3.5)).Within(TimeSpan.FromSeconds(1)));
        Assert.That(Default.FirstTry(Start, Start + Life, Start + Life - TimeSpan.FromSeconds(1), 0), Is.GreaterThanOrEqualTo(Start + Life - TimeSpan.FromMilliseconds(500)));
        Assert.That(Policy("60 days", "30 days").FirstTry(Start, Start + Life, issued, 0), Is.EqualTo(issued + TimeSpan.FromDays(3.5)).Within(TimeSpan.FromSeconds(1)));
    }

    [Test]
    public void An_issue_time_by_a_wrong_clock_is_left_aside()
    {
        Assert.That(Default.FirstTry(Start, Start + Life, DateTimeOffset.UnixEpoch, 0), Is.EqualTo(Start + 0.35 * Life));
        Assert.That(Default.FirstTry(Start, Start + Life, Start + 2 * Life, 0), Is.EqualTo(Start + 0.35 * Life));
    }

    [Test]
    public void Certificates_without_an_end_and_backward_ones_do_no_harm()
    {
        var endless = new DateTimeOffset(9999, 12, 31, 23, 59, 59, TimeSpan.Zero);
        Assert.That(Default.FirstTry(Start, endless, Start, 1), Is.LessThan(endless));
        Assert.That(Default.RetryGap(9, endless - Start, endless - Start, 1), Is.LessThanOrEqualTo(TimeSpan.FromDays(1.2)));
        Assert.That(Default.FirstTry(Start + Life, Start, Start, 0.5), Is.EqualTo(Start));
    }

    [Test]
    public void Gaps_grow_to_a_day_and_shrink_as_the_end_nears()
    {
        TimeSpan Gap(int failures, TimeSpan left) => Default.RetryGap(failures, left, Life, 0.5);
        Assert.That(Gap(1, TimeSpan.FromDays(30)), Is.EqualTo(TimeSpan.FromMinutes(5)));
        Assert.That(Gap(3, TimeSpan.FromDays(30)), Is.EqualTo(TimeSpan.FromMinutes(80)));
        Assert.That(Gap(50, TimeSpan.FromDays(30)), Is.EqualTo(TimeSpan.FromDays(1)));
        Assert.That(Gap(50, TimeSpan.FromHours(10)), Is.EqualTo(TimeSpan.FromHours(1)));
        Assert.That(Gap(50, TimeSpan.FromMinutes(5)), Is.EqualTo(TimeSpan.FromMinutes(1)), "never faster than the floor");
        Assert.That(Gap(50, TimeSpan.FromDays(-3)), Is.EqualTo(TimeSpan.FromMinutes(30)), "it goes on after expiry");
        Assert.That(Gap(int.MaxValue, TimeSpan.FromDays(300)), Is.EqualTo(TimeSpan.FromDays(1)));
    }

    [Test]
    public void A_configured_gap_is_the_longest_one_and_is_no_way_round_the_floor()
    {
        Assert.That((Default with { Retry = LifetimeSpan.OfShare(0.04) }).RetryGap(50, Life, Life, 0.5), Is.EqualTo(TimeSpan.FromDays(4)));
        Assert.That((Default with { Retry = LifetimeSpan.OfTime(TimeSpan.FromMinutes(1)) }).RetryGap(50, Life, Life, 0), Is.EqualTo(TimeSpan.FromMinutes(1)));
    }

    [Test]
    public void What_the_server_asks_for_is_obeyed_up_to_a_quarter_of_what_is_left()
    {
        TimeSpan Gap(TimeSpan left, TimeSpan asked) => Default.RetryGap(1, left, Life, 0, asked);
        Assert.That(Gap(TimeSpan.FromDays(30), TimeSpan.FromHours(2)), Is.EqualTo(TimeSpan.FromHours(2)));
        Assert.That(Gap(TimeSpan.FromHours(4), TimeSpan.FromHours(2)), Is.EqualTo(TimeSpan.FromHours(1)));
        Assert.That(Gap(TimeSpan.FromHours(-4), TimeSpan.FromHours(2)), Is.EqualTo(TimeSpan.FromHours(2)));
        Assert.That(Gap(TimeSpan.FromDays(30), TimeSpan.FromSeconds(1)), Is.EqualTo(TimeSpan.FromMinutes(4)), "it is no leave to ask more often");
    }

    [Test]
    public void What_the_server_asks_of_all_for_one_moment_is_spread_over_as_long_again_and_less_after_expiry()
    {
        TimeSpan Gap(TimeSpan left, TimeSpan asked, int failures = 1) => Default.RetryGap(failures, left, Life, 1, asked);
        Assert.That(Gap(TimeSpan.FromDays(30), TimeSpan.FromHours(2)), Is.EqualTo(TimeSpan.FromHours(4)));
        Assert.That(Gap(TimeSpan.FromDays(30), TimeSpan.FromHours(2), failures: 50), Is.EqualTo(TimeSpan.FromHours(28.8)), "its own gap, where that is longer");
        Assert.That(Gap(TimeSpan.FromHours(4), TimeSpan.FromHours(2)), Is.EqualTo(TimeSpan.FromHours(2)), "half of what is left");
        Assert.That(Gap(TimeSpan.FromHours(-4), TimeSpan.FromHours(2), failures: 50), Is.EqualTo(TimeSpan.FromHours(2.5)), "what has expired waits no longer than need be");
    }

    [Test]
    public void Devices_of_one_day_spread_their_tries()
    {
        var random = new Random(1);
        var perDay = Enumerable.Range(0, 40_000)
            .Select(_ => Default.FirstTry(Start, Start + Life, Start, random.NextDouble()).Date)
            .GroupBy(day => day).Select(day => day.Count()).ToList();
        Assert.That(perDay, Has.Count.EqualTo(40));
        Assert.That(perDay, Has.All.InRange(850, 1150));
    }

    private static double Due(RenewalPolicy policy, double spread) => (policy.FirstTry(Start, Start + Life, Start, spread) - Start).TotalDays;

    private static RenewalPolicy Policy(string from, string until) =>
        RenewalPolicy.Of(new RenewalSettings { From = LifetimeSpan.Parse(from), Until = LifetimeSpan.Parse(until) });
}
