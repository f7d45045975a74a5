using EstProv.Configuration.Secrets;

namespace EstProv.Configuration.Keyd;

/// <summary>The Key Service's configuration (<c>keyd.toml</c>). Disposing of it zeroes the PINs that nobody has taken.</summary>
public sealed record KeydConfiguration : IDisposable
{
    /// <summary>State folder; default <c>/var/lib/estprov/keyd</c>.</summary>
    public required string HomedirPath { get; init; }

    /// <summary>Requests in progress per uid; default 10.</summary>
    public required int MaxRequests { get; init; }

    /// <summary>Further sockets to serve on; default none.</summary>
    public IReadOnlyList<string> AliasSockets { get; init; } = [];

    /// <summary>The token; null selects the file store.</summary>
    public Pkcs11Configuration? Pkcs11 { get; init; }

    /// <summary>Key id to RFC 7512 URI of a key that the operator made.</summary>
    public required IReadOnlyDictionary<string, Positioned<string>> PreloadedKeys { get; init; }

    public required IReadOnlyList<KeyPrincipal> Principals { get; init; }

    /// <summary>The PINs of the URIs, which have placeholders for them.</summary>
    public CutSecrets Secrets { get; init; } = new();

    public void Dispose() => Secrets.Dispose();
}

/// <summary><c>[pkcs11]</c>.</summary>
public sealed record Pkcs11Configuration
{
    /// <summary>The vendor's PKCS#11 module.</summary>
    public required Positioned<string> LibPath { get; init; }

    /// <summary>RFC 7512 URI of the slot or token in which keys are generated; its PIN is in <see cref="KeydConfiguration.Secrets"/>.</summary>
    public required Positioned<string> BaseSlot { get; init; }

    /// <summary>Without the PIN, so that a configuration may be shown.</summary>
    public override string ToString() => $"Pkcs11Configuration {{ LibPath = {LibPath.Value}, BaseSlot = {Shown.Plain(BaseSlot.Value)} }}";
}

/// <summary>One <c>[[principal]]</c>: who may do what with which keys.</summary>
public sealed record KeyPrincipal
{
    /// <summary>Numeric uid, resolved from <c>user</c> where that was given.</summary>
    public required uint Uid { get; init; }

    /// <summary>Key ids with the wildcards <c>*</c> and <c>?</c>.</summary>
    public required IReadOnlyList<string> Keys { get; init; }

    public required KeyRights Rights { get; init; }
}

/// <summary>What a principal may do with a key. Each right is its own: none implies another.</summary>
[Flags]
public enum KeyRights
{
    None = 0,

    /// <summary>Load, read the public part, sign, MAC, encrypt, decrypt.</summary>
    Use = 1,

    /// <summary>Create, stage, promote.</summary>
    Generate = 2,

    /// <summary>Delete, move, discard and retire.</summary>
    Delete = 4,

    /// <summary>Export of derived keys.</summary>
    Export = 8,
}
