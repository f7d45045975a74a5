namespace EstProv.Simulator.Faults;

/// <summary>One fault switched on; a member that is null restricts nothing.</summary>
public sealed record FaultRule
{
    public required FaultKind Kind { get; init; }

    /// <summary>Assigned by the board.</summary>
    public int Id { get; init; }

    public SimulatorService? Service { get; init; }

    /// <summary>
    /// EST: cacerts, simpleenroll, simplereenroll, csrattrs; DPS: register, operation, lookup; hub: device, modules, module, events,
    /// devicebound.
    /// </summary>
    public string? Route { get; init; }

    /// <summary>EST: label, <c>default</c> = the path without one; DPS: registration id; hub: device id.</summary>
    public string? Label { get; init; }

    /// <summary>Part of the client certificate's subject.</summary>
    public string? Client { get; init; }

    /// <summary>How many times it acts; null = until removed.</summary>
    public int? Count { get; init; }

    /// <summary>How many matching requests pass before it acts.</summary>
    public int Skip { get; init; }

    public int Status { get; init; } = 503;

    /// <summary>Seconds; for Status, Pending and DpsState.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>Retry-After is sent as a date.</summary>
    public bool RetryAfterDate { get; init; }

    public string? Body { get; init; }

    public string? ContentType { get; init; }

    public int DelayMilliseconds { get; init; }

    /// <summary>ClockSkew: added to the simulator's time; negative = the server's clock is late.</summary>
    public double OffsetSeconds { get; init; }

    /// <summary>Pending: how many answers are 202.</summary>
    public int Polls { get; init; } = 1;

    /// <summary>DpsState: assigned, failed, disabled, unassigned; assigning = for ever.</summary>
    public string? State { get; init; }

    /// <summary>DpsState failed: the six-digit code.</summary>
    public int? ErrorCode { get; init; }

    public string? Message { get; init; }

    /// <summary>How often it has acted; kept by the board.</summary>
    public int Hits { get; init; }
}

/// <summary>Where a fault may act.</summary>
public readonly record struct FaultPoint
{
    public required SimulatorService Service { get; init; }

    public string? Route { get; init; }

    public string? Label { get; init; }

    public string? Client { get; init; }
}
