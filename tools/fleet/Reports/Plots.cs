using EstProv.Fleet.Simulation;

namespace EstProv.Fleet.Reports;

/// <summary>The pictures of the command, by file name.</summary>
internal static class Plots
{
    private const string Ours = "#1f5fbf", Other = "#c03020", Third = "#2f8f3f";

    public static IEnumerable<(string File, SvgPlot Plot)> Of(IReadOnlyList<Outcome> outcomes)
    {
        Outcome Find(Scenario scenario) => outcomes.First(outcome => outcome.Scenario == scenario);

        var (quiet, eighty) = (Find(Scenarios.OfAHundredThousand[0]), Find(Scenarios.OfAHundredThousand[1]));
        yield return ("renewals.svg", new SvgPlot("100,000 devices, certificates of 90 days", TimeSpan.Zero, quiet.Scenario.Length)
            .Line("all at 80 % of the life", Other, eighty.All).Line("spread over 35 to 75 %", Ours, quiet.All));

        var (week, told) = (Find(Scenarios.OfAHundredThousand[5]), Find(Scenarios.OfAHundredThousand[7]));
        yield return ("week.svg", new SvgPlot("100,000 devices, the EST server away for a week", TimeSpan.FromDays(38), TimeSpan.FromDays(50))
            .Shade(week.Scenario.Outages).Line("nobody answers", Ours, week.All).Line("503 with Retry-After until the end", Third, told.All));

        var million = Find(Scenarios.OfAMillion[0]);
        yield return ("million.svg", new SvgPlot("1,000,000 devices: an hour, a day and a week without the server", TimeSpan.Zero, million.Scenario.Length)
            .Shade(million.Scenario.Outages).Line("spread over 35 to 75 %", Ours, million.All));

        var (none, hour, day) = (Find(Scenarios.OfTheFirstDay[0]), Find(Scenarios.OfTheFirstDay[1]), Find(Scenarios.OfTheFirstDay[2]));
        yield return ("first-day.svg", new SvgPlot("1,000,000 devices on the day when they are made", TimeSpan.Zero, TimeSpan.FromDays(4))
            .Shade(day.Scenario.Outages).Line("a day without the server", Other, day.All).Line("an hour without it", Third, hour.All).Line("no outage", Ours, none.All));
    }
}
