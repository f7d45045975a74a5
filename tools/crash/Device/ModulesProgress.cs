using System.Collections.Immutable;

namespace EstProv.Crash.Device;

/// <summary>How far an operator and a module runtime have come with their modules.</summary>
internal sealed record ModulesProgress
{
    /// <summary>Those that identityd said there are, and that nobody has asked to remove.</summary>
    public ImmutableHashSet<string> Told { get; init; } = ImmutableHashSet.Create<string>(StringComparer.Ordinal);

    /// <summary>The operator has replaced the host-level module.</summary>
    public bool Replaced { get; init; }

    /// <summary>The runtime has asked to remove its module; what became of that is not known.</summary>
    public bool Removing { get; init; }

    public bool Removed { get; init; }
}
