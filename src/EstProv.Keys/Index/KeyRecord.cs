using EstProv.Keys.Stores;

namespace EstProv.Keys.Index;

/// <summary>What the index knows of one key id. Immutable: every change is one new record and one atomic write.</summary>
internal sealed record KeyRecord
{
    public required string KeyId { get; init; }

    /// <summary>The pair in use; null while there is none, or while the preloaded one is.</summary>
    public KeyEntry? Current { get; init; }

    /// <summary>Staged: a certificate is being obtained for it.</summary>
    public KeyEntry? Next { get; init; }

    /// <summary>The pair before the last promotion, until the new one has been used for real.</summary>
    public KeyEntry? Previous { get; init; }

    /// <summary>The symmetric key of this id; then it has no pairs.</summary>
    public SecretEntry? Secret { get; init; }

    /// <summary>Noted before it is generated; found at start, it is destroyed: nobody has seen it.</summary>
    public PendingKey? Generating { get; init; }

    /// <summary>Noted before they are destroyed; found at start, they are destroyed again.</summary>
    public IReadOnlyList<PendingKey> Destroying { get; init; } = [];

    /// <summary>SHA-256 of the preloaded key's URI when <see cref="Current"/> took over, in hexadecimal.</summary>
    public string? PreloadedUri { get; init; }

    /// <summary>Noted before <see cref="Current"/> is given to this id; found at start, that has happened or not, as the other record tells.</summary>
    public string? MovingTo { get; init; }

    public bool IsEmpty => Current is null && Next is null && Previous is null && Secret is null && IsSettled;

    /// <summary>Nothing is left half done.</summary>
    public bool IsSettled => Generating is null && Destroying.Count == 0;
}

/// <summary>A key pair of ours.</summary>
/// <param name="Store">The store's name.</param>
internal sealed record KeyEntry(StorageId Id, string Store, PublicKeyInfo Public)
{
    public PendingKey Pending => new(Id, Store);
}

/// <summary>A symmetric key of ours.</summary>
/// <param name="Store">The store's name.</param>
internal sealed record SecretEntry(StorageId Id, string Store, SecretUsage Usage)
{
    public PendingKey Pending => new(Id, Store);
}

/// <summary>A key that may or may not exist in its store.</summary>
internal sealed record PendingKey(StorageId Id, string Store);
