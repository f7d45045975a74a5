namespace EstProv.Identity.Modules;

/// <summary>A module identity as it was seen in the hub last. Kept over restarts.</summary>
internal sealed record KnownModule
{
    public required string ModuleId { get; init; }

    /// <summary>Empty while it is being made and no answer of the hub's has come yet.</summary>
    public required string GenerationId { get; init; }

    public string? ManagedBy { get; init; }

    /// <summary>It was made for a <c>[[principal]]</c>, by us: it goes with that.</summary>
    public bool IsHosts { get; init; }

    /// <summary>
    /// What was registered for it (<see cref="ModuleCredential.Mark"/>): keys of which master identity key, or which certificates; null
    /// when we have registered nothing.
    /// </summary>
    public string? Mark { get; init; }

    /// <summary>When the hub last said that it is so.</summary>
    public required DateTimeOffset Seen { get; init; }
}
