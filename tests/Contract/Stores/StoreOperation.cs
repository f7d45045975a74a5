using EstProv.Keys.Client;
using EstProv.Keys.Stores;

namespace EstProv.Contract.Tests.Stores;

/// <summary>Something that a store does or lacks: a row of the table in the README.</summary>
/// <param name="Try">Does it on a store and asserts what comes of it.</param>
internal sealed record StoreOperation(string Name, Action<IKeyStore> Try)
{
    public static readonly StoreOperation EcP256 = new("EC P-256: generate, ECDSA", static store => Sign(store, KeyAlgorithm.EcP256, SignatureScheme.Ecdsa));

    public static readonly StoreOperation Rsa2048 = new("RSA 2048: generate, PKCS#1 v1.5", static store => Sign(store, KeyAlgorithm.Rsa2048, SignatureScheme.RsaPkcs1));

    public static readonly StoreOperation Rsa4096 = new("RSA 4096: generate, PKCS#1 v1.5", static store => Sign(store, KeyAlgorithm.Rsa4096, SignatureScheme.RsaPkcs1));

    public static readonly StoreOperation Pss = new("RSA: PSS", static store => Sign(store, KeyAlgorithm.Rsa2048, SignatureScheme.RsaPss));

    /// <summary>In the order of the table.</summary>
    public static readonly IReadOnlyList<StoreOperation> All = [EcP256, Rsa2048, Rsa4096, Pss];

    public override string ToString() => Name;

    private static void Sign(IKeyStore store, KeyAlgorithm algorithm, SignatureScheme scheme)
    {
        var id = StorageId.Random();
        var key = store.Generate(id, "device-id", algorithm);
        foreach (var hash in (DigestAlgorithm[])[DigestAlgorithm.Sha256, DigestAlgorithm.Sha384, DigestAlgorithm.Sha512])
        {
            var digest = Signatures.Digest(hash, "message");
            var signature = Signatures.Sign(key, scheme, hash, digest);
            Assert.That(Signatures.Verify(key.Public.Spki, scheme, hash, digest, signature), $"{scheme} {hash}");
        }

        store.Destroy(id);
    }
}
