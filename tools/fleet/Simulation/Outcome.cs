namespace EstProv.Fleet.Simulation;

/// <summary>What a scenario came to.</summary>
internal sealed record Outcome
{
    public required Scenario Scenario { get; init; }

    /// <summary>Attempts at a first issue, of both certificates.</summary>
    public required Traffic FirstIssues { get; init; }

    /// <summary>Attempts at a renewal, by kind of certificate.</summary>
    public required IReadOnlyList<Traffic> Renewals { get; init; }

    /// <summary>All that was asked of the server.</summary>
    public required Traffic All { get; init; }

    /// <summary>When the last device had got its first certificates; null: never.</summary>
    public required TimeSpan? ProvisionedAt { get; init; }

    /// <summary>Answered 503 for want of capacity.</summary>
    public required long Refused { get; init; }

    /// <summary>Devices that were without a valid certificate at some time after their first ones.</summary>
    public required int Expired { get; init; }

    /// <summary>How long after each outage the last certificate that had met with it, or with the rush after it, was there; null: not before the end.</summary>
    public required IReadOnlyList<TimeSpan?> RecoveredAfter { get; init; }

    public double BusiestRenewalHour => Renewals.Max(static traffic => traffic.BusiestHour());
}
