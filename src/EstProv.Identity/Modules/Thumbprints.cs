using EstProv.Identity.Hub;

namespace EstProv.Identity.Modules;

/// <summary>A certificate, and another one that is accepted beside it.</summary>
/// <param name="primary">SHA-256 in hex.</param>
/// <param name="secondary">Null for none.</param>
internal sealed class Thumbprints(string primary, string? secondary) : ModuleCredential
{
    // No mark of a key begins so: base64url has no colon.
    private const string Kind = "x509:";

    public override string Mark { get; } = Kind + HubModule.Joined(primary, secondary);

    public override ModuleAuthentication BeforeGeneration => new ThumbprintAuthentication(primary, secondary);

    public override ModuleAuthentication For(HubModule module) => BeforeGeneration;

    /// <summary>Whether that is what the hub has.</summary>
    public bool AreThoseOf(HubModule module) => module.Thumbprints == HubModule.Joined(primary, secondary);

    /// <summary>Whether a module was registered with certificates.</summary>
    public static bool IsMark(string? mark) => mark?.StartsWith(Kind, StringComparison.Ordinal) == true;
}
