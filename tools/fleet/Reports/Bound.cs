using EstProv.Fleet.Simulation;

namespace EstProv.Fleet.Reports;

/// <summary>A figure that must not be exceeded.</summary>
internal sealed record Bound(string What, double Value, double AtMost)
{
    public bool Holds => Value <= AtMost;

    public override string ToString() => $"{(Holds ? "ok    " : "BROKEN")} {What}: {Value:0.####} (at most {AtMost:0.####})";

    /// <summary>All that are set for a scenario, beside what it came to.</summary>
    public static IEnumerable<Bound> Of(Outcome outcome)
    {
        var scenario = outcome.Scenario;
        if (scenario.BusiestHourAtMost is { } most)
        {
            yield return new Bound($"{scenario.Name}: renewals of the EST identity a second, busiest hour", outcome.Renewals[(int)CertificateKind.EstIdentity].BusiestHour(), most);
            yield return new Bound($"{scenario.Name}: renewals of the device identity a second, busiest hour", outcome.Renewals[(int)CertificateKind.DeviceIdentity].BusiestHour(), most);
        }

        if (!scenario.MustNotExpire) yield break;
        yield return new Bound($"{scenario.Name}: devices expired", outcome.Expired, 0);
        yield return new Bound($"{scenario.Name}: outages not recovered from", outcome.RecoveredAfter.Count(static after => after is null), 0);
        yield return new Bound($"{scenario.Name}: fleets never provisioned", outcome.ProvisionedAt is null ? 1 : 0, 0);
    }
}
