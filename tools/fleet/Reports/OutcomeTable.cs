using EstProv.Fleet.Simulation;

namespace EstProv.Fleet.Reports;

/// <summary>Outcomes as lines of text, a line each.</summary>
internal static class OutcomeTable
{
    private const double Hour = 1, HoursPerDay = 24, MinutesPerHour = 60;

    public static string Head { get; } = $"{"",-62}{"provisioned",12}{"attempts",12}{"mean/s",9}{"busiest hour/s",16}{"",9}{"answered",10}{"expired",9}  recovered after\n" +
        $"{"",-62}{"after",12}{"",12}{"",9}{"renewals",9}{"of one",8}{"all",8}{"503",10}{"devices",9}";

    public static string Row(Outcome outcome)
    {
        var renewals = new Traffic(outcome.Scenario.Length);
        foreach (var one in outcome.Renewals) renewals.Add(one);
        var recovered = string.Join(", ", outcome.RecoveredAfter.Select(static after => after is { } time ? Duration(time) : "never"));
        return $"{outcome.Scenario.Name,-62}{(outcome.ProvisionedAt is { } at ? Duration(at) : "never"),12}{outcome.All.Total,12:N0}{renewals.Mean(),9:0.0000}{renewals.BusiestHour(),9:0.000}"
            + $"{outcome.BusiestRenewalHour,8:0.000}{outcome.All.BusiestHour(),8:0.0}{outcome.Refused,10:N0}{outcome.Expired,9:N0}  {recovered}";
    }

    public static string Duration(TimeSpan time) => time.TotalHours switch
    {
        0 => "0",
        < Hour => $"{time.TotalHours * MinutesPerHour:0.0} min",
        < 2 * HoursPerDay => $"{time.TotalHours:0.0} h",
        _ => $"{time.TotalDays:0.0} d",
    };
}
