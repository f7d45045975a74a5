using EstProv.Certificates.Renewal;
using EstProv.Configuration.Certd;

namespace EstProv.Fleet.Simulation;

/// <summary>The fleets that <c>./build.sh fleet</c> reckons, and the bounds that they must keep.</summary>
internal static class Scenarios
{
    /// <summary>What each device adds to the bounds on the busiest hour: 0.05 a second for 100,000 devices, 0.5 after an outage of a week at most.</summary>
    private const double QuietPerDevice = 0.05 / 100_000, AfterOutagePerDevice = 0.5 / 100_000;

    /// <summary>So much of its life a certificate has left when the window of its first try ends.</summary>
    private static readonly double LeftAfterWindow = 1 - RenewalPolicy.Default.Until.Share!.Value;

    public static readonly TimeSpan Quarter = TimeSpan.FromDays(90);

    public static readonly TimeSpan Hour = TimeSpan.FromHours(1), Day = TimeSpan.FromDays(1), Week = TimeSpan.FromDays(7);

    /// <summary>What is common elsewhere: everybody at the same share of the life.</summary>
    public static RenewalPolicy AtEightyPercent { get; } = RenewalPolicy.Default with { From = LifetimeSpan.OfShare(0.8), Until = LifetimeSpan.OfShare(0.8) };

    public static Scenario Quiet(int devices) => Of("no outage", devices, QuietPerDevice);

    public static Scenario QuietAtEightyPercent(int devices) => Compared(Of("no outage, all at 80 %", devices, QuietPerDevice));

    /// <param name="day">Of production.</param>
    public static Scenario With(string name, int devices, double day, TimeSpan length, OutageKind kind = OutageKind.Unreachable) =>
        Of(name, devices, AfterOutagePerDevice, [new Outage(TimeSpan.FromDays(day), length, kind)]);

    public static Scenario Compared(Scenario scenario) => scenario with { Policy = AtEightyPercent, BusiestHourAtMost = null, MustNotExpire = false };

    /// <summary>100,000 devices with certificates of 90 days.</summary>
    public static IReadOnlyList<Scenario> OfAHundredThousand { get; } =
    [
        Quiet(100_000),
        QuietAtEightyPercent(100_000),
        With("an hour, from day 40", 100_000, 40, Hour),
        With("a day, from day 40", 100_000, 40, Day),
        With("a week, from day 32", 100_000, 32, Week),
        With("a week, from day 40", 100_000, 40, Week),
        With("a week, from day 61", 100_000, 61, Week),
        With("a week from day 40, 503 with Retry-After until its end", 100_000, 40, Week, OutageKind.Maintenance),
        With("a day from day 40, 503 with Retry-After until its end", 100_000, 40, Day, OutageKind.Maintenance),
        Compared(With("a week from day 70, all at 80 %", 100_000, 70, Week)),
        With("22 days, from day 45", 100_000, 45, TimeSpan.FromDays(22)) with { BusiestHourAtMost = null },
        With("50 days, from day 45", 20_000, 45, TimeSpan.FromDays(50)) with { BusiestHourAtMost = null },
    ];

    /// <summary>100,000 devices with certificates that live shorter.</summary>
    public static IReadOnlyList<Scenario> OfShortLives { get; } =
    [
        Of("7 days: an hour on day 20, a day on day 40", 100_000, null, [new Outage(TimeSpan.FromDays(20), Hour), new Outage(TimeSpan.FromDays(40), Day)], Week, TimeSpan.FromDays(90)),
        Of("7 days: a week from day 20", 20_000, null, [new Outage(TimeSpan.FromDays(20), Week)], Week, TimeSpan.FromDays(90)),
        Of("1 day: an hour on day 10", 100_000, null, [new Outage(TimeSpan.FromDays(10), Hour)], Day, TimeSpan.FromDays(30)),
    ];

    /// <summary>A million devices over three years, with an hour, a day and a week without the server; and with a week at the worst time.</summary>
    public static IReadOnlyList<Scenario> OfAMillion { get; } =
    [
        Of("an hour on day 40, a day on day 400, a week on day 760", 1_000_000, AfterOutagePerDevice,
            [new Outage(TimeSpan.FromDays(40), Hour), new Outage(TimeSpan.FromDays(400), Day), new Outage(TimeSpan.FromDays(760), Week)]),
        Of("a week, from day 61 (a year)", 1_000_000, AfterOutagePerDevice, [new Outage(TimeSpan.FromDays(61), Week)], length: TimeSpan.FromDays(365)),
    ];

    /// <summary>A million devices on the day when they are made.</summary>
    public static IReadOnlyList<Scenario> OfTheFirstDay { get; } =
    [
        Of("no outage on the day of production", 1_000_000, null, [], length: TimeSpan.FromDays(5)),
        Of("an hour on the day of production", 1_000_000, null, [new Outage(TimeSpan.FromHours(6), Hour)], length: TimeSpan.FromDays(5)),
        Of("a day from the day of production on", 1_000_000, null, [new Outage(TimeSpan.FromHours(6), Day)], length: TimeSpan.FromDays(5)),
    ];

    private static Scenario Of(string name, int devices, double? perDevice, IReadOnlyList<Outage>? outages = null, TimeSpan? life = null, TimeSpan? length = null)
    {
        var scenario = new Scenario { Name = $"{devices:N0}, {name}", Devices = devices, Life = life ?? Quarter, Outages = outages ?? [] };
        return scenario with
        {
            Length = length ?? scenario.Length,
            BusiestHourAtMost = perDevice * devices,
            MustNotExpire = scenario.Outages.All(outage => outage.Length < scenario.Life * LeftAfterWindow),
        };
    }
}
