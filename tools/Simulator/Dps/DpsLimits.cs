namespace EstProv.Simulator.Dps;

/// <summary>
/// Quotas of DPS (learn.microsoft.com/azure/iot-dps/about-iot-dps, 'Quotas and limits'): the service allows 200 registrations a minute and 5 polls
/// in ten seconds for a device. Null = no limit.
/// </summary>
public sealed record DpsLimits
{
    public int? RegistrationsPerMinute { get; init; }

    public int? PollsPerTenSeconds { get; init; }
}
