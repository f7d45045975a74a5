namespace EstProv.Simulator.Hub;

/// <summary>A device in a hub's identity registry.</summary>
public sealed record HubDevice
{
    public required string DeviceId { get; init; }

    /// <summary>Host name of its hub.</summary>
    public required string Hub { get; init; }

    public required string GenerationId { get; init; }

    public required string Etag { get; init; }

    /// <summary>enabled or disabled.</summary>
    public string Status { get; init; } = "enabled";

    public required HubCredential Authentication { get; init; }

    /// <summary>capabilities.iotEdge.</summary>
    public bool IotEdge { get; init; } = true;

    public IReadOnlyList<HubModule> Modules { get; init; } = [];

    internal HubModule? Module(string? moduleId)
    {
        foreach (var module in Modules)
        {
            if (module.ModuleId == moduleId)
            {
                return module;
            }
        }

        return null;
    }
}

/// <summary>A module of a device.</summary>
public sealed record HubModule
{
    public required string ModuleId { get; init; }

    public string? ManagedBy { get; init; }

    public required string GenerationId { get; init; }

    public required string Etag { get; init; }

    public required HubCredential Authentication { get; init; }
}

/// <summary>How an identity authenticates; the names are those of the registry's REST interface.</summary>
public sealed record HubCredential
{
    /// <summary>sas, selfSigned, certificateAuthority, none.</summary>
    public required string Type { get; init; }

    /// <summary>Base64.</summary>
    public string? PrimaryKey { get; init; }

    public string? SecondaryKey { get; init; }

    /// <summary>Hex, SHA-1 or SHA-256 of the certificate.</summary>
    public string? PrimaryThumbprint { get; init; }

    public string? SecondaryThumbprint { get; init; }
}
