using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>
/// A place that holds private keys and works with them. Names are chosen by the caller, who journals them before
/// <see cref="Generate"/> and before <see cref="Destroy"/>, so that an interruption leaves nothing that nobody knows.
/// </summary>
/// <remarks>Every member may block for a few seconds and throws <see cref="ProblemException"/>.</remarks>
internal interface IKeyStore : IDisposable
{
    /// <summary>As the index records it: <c>pkcs11</c>, <c>files</c>.</summary>
    string Name { get; }

    /// <summary>Makes sure that the store can be reached, before anything is written down about it.</summary>
    void Prepare();

    /// <summary>Generates a key pair that never leaves the store.</summary>
    /// <param name="id">Its name inside the store.</param>
    /// <param name="keyId">The id that people know, kept beside the key as its label.</param>
    /// <exception cref="ProblemException"><c>mechanism_missing</c>: the store cannot make such keys, another algorithm may work.</exception>
    StoredKey Generate(StorageId id, string keyId, KeyAlgorithm algorithm);

    /// <summary>A key pair that was generated earlier. The store is not asked before the first use.</summary>
    StoredKey Open(StorageId id, string keyId, PublicKeyInfo publicKey);

    /// <summary>Makes a symmetric key that never leaves the store, and tries it.</summary>
    /// <param name="value">Empty to have it generated; 32 bytes for a key that encrypts.</param>
    /// <exception cref="ProblemException"><c>mechanism_missing</c>: the store cannot hold such keys or cannot use them, another store may.</exception>
    StoredSecret CreateSecret(StorageId id, string keyId, SecretUsage usage, ReadOnlySpan<byte> value);

    /// <summary>A symmetric key that was made earlier. The store is not asked before the first use.</summary>
    StoredSecret OpenSecret(StorageId id, string keyId, SecretUsage usage);

    /// <summary>Destroys whatever there is of this name; no error when there is nothing.</summary>
    void Destroy(StorageId id);
}
