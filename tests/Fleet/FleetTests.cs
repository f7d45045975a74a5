using EstProv.Certificates.Renewal;
using EstProv.Configuration.Certd;
using EstProv.Fleet.Reports;
using EstProv.Fleet.Simulation;

namespace EstProv.Fleet.Tests;

/// <summary>The bounds of <c>./build.sh fleet</c> for fewer devices and one year. What a bound allows one device goes by the number of devices, and so does the server's capacity.</summary>
public sealed class FleetTests
{
    private const int Devices = 20_000;

    /// <summary>Of so few devices the number in an hour varies more; the bounds are of 100,000.</summary>
    private const double ForFewer = 1.2;

    private static readonly TimeSpan Year = TimeSpan.FromDays(365);

    [Test]
    public void A_fleet_made_on_one_day_does_not_come_back_on_one_day()
    {
        const int devices = 100_000;
        var outcome = Run(Scenarios.Quiet(devices));
        Assert.That(outcome.BusiestRenewalHour, Is.LessThanOrEqualTo(0.05));
        Assert.That(outcome.Expired, Is.Zero);
        Assert.That(outcome.FirstIssues.Total, Is.EqualTo(2 * devices));
        Assert.That(outcome.Renewals.Select(static traffic => traffic.Total), Has.All.InRange(5 * devices, 7 * devices));
        Assert.That(Bound.Of(outcome), Has.All.Property(nameof(Bound.Holds)).True);
    }

    [Test]
    public void With_the_common_policy_it_does()
    {
        var outcome = Run(Scenarios.QuietAtEightyPercent(Devices));
        Assert.That(outcome.Renewals[(int)CertificateKind.EstIdentity].BusiestHour(), Is.EqualTo(Devices / 3600.0).Within(0.01), "all of them in one hour, as fast as they were made");
    }

    [TestCase(1, false)]
    [TestCase(24, false)]
    [TestCase(168, false)]
    [TestCase(24, true)]
    [TestCase(168, true)]
    public void After_an_outage_nobody_has_expired_and_the_rush_is_small(int hours, bool saysUntilWhen)
    {
        var outcome = Run(Scenarios.With("an outage", Devices, 61, hours * Scenarios.Hour, saysUntilWhen ? OutageKind.Maintenance : OutageKind.Unreachable));
        Assert.That(outcome.BusiestRenewalHour, Is.LessThan(ForFewer * 0.5 * Devices / 100_000));
        Assert.That(outcome.Expired, Is.Zero);
        Assert.That(outcome.RecoveredAfter, Has.All.LessThan(TimeSpan.FromDays(2.5)));
        Assert.That(Bound.Of(outcome).Where(static bound => bound.AtMost == 0), Has.All.Property(nameof(Bound.Holds)).True);
    }

    [Test]
    public void An_outage_that_is_longer_than_what_is_left_after_the_window_costs_certificates_and_the_fleet_comes_back_all_the_same()
    {
        var outcome = Run(Scenarios.With("50 days", Devices, 45, TimeSpan.FromDays(50)));
        Assert.That(outcome.Scenario.MustNotExpire, Is.False);
        Assert.That(outcome.Expired, Is.InRange(Devices / 10, Devices));
        Assert.That(outcome.RecoveredAfter, Has.All.LessThan(TimeSpan.FromDays(2)));
    }

    [Test]
    public void A_server_that_can_do_less_than_is_asked_for_serves_everybody_in_time()
    {
        var outcome = Run(Scenarios.Quiet(Devices) with { Capacity = 5, Length = TimeSpan.FromDays(2) });
        Assert.That(outcome.Refused, Is.Positive);
        Assert.That(outcome.ProvisionedAt, Is.GreaterThan(TimeSpan.FromSeconds(2 * Devices / 5.0)).And.LessThan(TimeSpan.FromSeconds(3 * Devices / 5.0)));
        Assert.That(outcome.All.Total, Is.LessThan(20 * Devices), "patience is a virtue");
    }

    [Test]
    public void The_same_seed_gives_the_same_fleet()
    {
        var scenario = Scenarios.With("a day", 2000, 45, Scenarios.Day);
        var (first, second, other) = (Run(scenario), Run(scenario), Run(scenario with { Seed = 2 }));
        Assert.That(OutcomeTable.Row(second), Is.EqualTo(OutcomeTable.Row(first)));
        Assert.That(OutcomeTable.Row(other), Is.Not.EqualTo(OutcomeTable.Row(first)));
    }

    [Test]
    public void A_policy_that_breaks_a_bound_is_told()
    {
        var hurried = RenewalPolicy.Default with { Until = LifetimeSpan.OfShare(0.36) };
        var bounds = Bound.Of(Run(Scenarios.Quiet(Devices) with { Policy = hurried })).ToList();
        Assert.That(bounds.Where(static bound => !bound.Holds).Select(static bound => bound.ToString()), Has.Exactly(2).StartsWith("BROKEN 20,000, no outage: renewals"));

        var late = RenewalPolicy.Default with { From = LifetimeSpan.OfShare(0.97), Until = LifetimeSpan.OfShare(0.98) };
        bounds = [.. Bound.Of(Run(Scenarios.With("a week", Devices, 84, Scenarios.Week) with { Policy = late }))];
        Assert.That(bounds.Where(static bound => !bound.Holds).Select(static bound => bound.What), Has.Some.EndsWith("devices expired"));
    }

    private static Outcome Run(Scenario scenario) => FleetSimulation.Run(scenario with { Length = scenario.Length < Year ? scenario.Length : Year });
}
