namespace EstProv.Simulator.Recording;

/// <summary>One answered request.</summary>
public sealed record RequestRecord
{
    public long Seq { get; init; }

    public required DateTimeOffset Time { get; init; }

    public required SimulatorService Service { get; init; }

    public required string Route { get; init; }

    /// <summary>EST label, registration id, or device id; by the service.</summary>
    public string? Label { get; init; }

    public required string Method { get; init; }

    public required string Path { get; init; }

    /// <summary>0 = the connection was reset.</summary>
    public required int Status { get; init; }

    public required double Milliseconds { get; init; }

    /// <summary>Subject of the client certificate shown, verified or not.</summary>
    public string? Client { get; init; }

    /// <summary>Thumbprint (SHA-1, hex) of the client certificate shown.</summary>
    public string? ClientThumbprint { get; init; }

    /// <summary>What the request was admitted or refused by.</summary>
    public string? Credential { get; init; }

    /// <summary>The result in words.</summary>
    public string? Note { get; init; }

    public string? Fault { get; init; }

    public required string Connection { get; init; }

    public required string Protocol { get; init; }

    public bool? Resumed { get; init; }
}
