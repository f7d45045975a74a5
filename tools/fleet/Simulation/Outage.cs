namespace EstProv.Fleet.Simulation;

internal enum OutageKind
{
    /// <summary>Nobody answers.</summary>
    Unreachable,

    /// <summary>Answers 503, with the end of the outage as Retry-After: the same moment for every device.</summary>
    Maintenance,
}

/// <summary>A time in which the EST server issues nothing.</summary>
/// <param name="From">Since the first device was made.</param>
internal sealed record Outage(TimeSpan From, TimeSpan Length, OutageKind Kind = OutageKind.Unreachable)
{
    public TimeSpan Until => From + Length;

    public bool Covers(TimeSpan now) => now >= From && now < Until;
}
