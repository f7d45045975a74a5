using EstProv.Certificates.Renewal;

namespace EstProv.Fleet.Simulation;

/// <summary>One fleet and what happens to it.</summary>
internal sealed record Scenario
{
    public required string Name { get; init; }

    public required int Devices { get; init; }

    /// <summary>Life of every certificate.</summary>
    public required TimeSpan Life { get; init; }

    public IReadOnlyList<Outage> Outages { get; init; } = [];

    public RenewalPolicy Policy { get; init; } = RenewalPolicy.Default;

    public int MadePerMinute { get; init; } = 1000;

    public TimeSpan Length { get; init; } = TimeSpan.FromDays(3 * 365);

    /// <summary>Certificates a second that the server can issue.</summary>
    public double Capacity { get; init; } = 50;

    /// <summary>What it asks for beyond that.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMinutes(2);

    public int Seed { get; init; } = 1;

    /// <summary>Bound on renewals of either certificate in the busiest hour, a second; null: none, it is shown for comparison.</summary>
    public double? BusiestHourAtMost { get; init; }

    /// <summary>Bound on expired devices holds: no outage lasts as long as a certificate is valid after the end of the window.</summary>
    public bool MustNotExpire { get; init; }

    public TimeSpan ProductionTime => TimeSpan.FromMinutes((double)Devices / MadePerMinute);
}
