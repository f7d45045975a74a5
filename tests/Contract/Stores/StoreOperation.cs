using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Contract.Tests.Stores;

/// <summary>Something that a store does or lacks: a row of the table in the README.</summary>
/// <param name="Try">Does it on a store and asserts what comes of it.</param>
internal sealed record StoreOperation(string Name, Action<IKeyStore> Try)
{
    public static readonly StoreOperation EcP256 = new("EC P-256: generate, ECDSA", static store => Sign(store, KeyAlgorithm.EcP256, SignatureScheme.Ecdsa));

    public static readonly StoreOperation EcP384 = new("EC P-384: generate, ECDSA", static store => Sign(store, KeyAlgorithm.EcP384, SignatureScheme.Ecdsa));

    public static readonly StoreOperation EcP521 = new("EC P-521: generate, ECDSA", static store => Sign(store, KeyAlgorithm.EcP521, SignatureScheme.Ecdsa));

    public static readonly StoreOperation Rsa2048 = new("RSA 2048: generate, PKCS#1 v1.5", static store => Sign(store, KeyAlgorithm.Rsa2048, SignatureScheme.RsaPkcs1));

    public static readonly StoreOperation Rsa3072 = new("RSA 3072: generate, PKCS#1 v1.5", static store => Sign(store, KeyAlgorithm.Rsa3072, SignatureScheme.RsaPkcs1));

    public static readonly StoreOperation Rsa4096 = new("RSA 4096: generate, PKCS#1 v1.5", static store => Sign(store, KeyAlgorithm.Rsa4096, SignatureScheme.RsaPkcs1));

    public static readonly StoreOperation Pss = new("RSA: PSS", static store => Sign(store, KeyAlgorithm.Rsa2048, SignatureScheme.RsaPss));

    public static readonly StoreOperation OaepSha1 = new("RSA: OAEP decrypt, SHA-1", static store => Decrypt(store, HashAlgorithmName.SHA1));

    public static readonly StoreOperation OaepSha256 = new("RSA: OAEP decrypt, SHA-256", static store => Decrypt(store, HashAlgorithmName.SHA256));

    public static readonly StoreOperation Ed25519 = new("Ed25519: generate, EdDSA", static store => Sign(store, KeyAlgorithm.Ed25519, SignatureScheme.EdDsa));

    /// <summary>In the order of the table.</summary>
    public static readonly IReadOnlyList<StoreOperation> All = [EcP256, EcP384, EcP521, Rsa2048, Rsa3072, Rsa4096, Pss, OaepSha1, OaepSha256, Ed25519];

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

    private static void Decrypt(IKeyStore store, HashAlgorithmName hash)
    {
        var id = StorageId.Random();
        var key = store.Generate(id, "device-id", KeyAlgorithm.Rsa2048);
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(key.Public.Spki, out _);
        var ciphertext = rsa.Encrypt("secret"u8, RSAEncryptionPadding.CreateOaep(hash));
        var room = new byte[StoredKey.LongestSignature];
        Assert.That(room[..key.Decrypt(hash, ciphertext, room)], Is.EqualTo("secret"u8.ToArray()));
        ciphertext[3] ^= 1;
        for (var i = 0; i < 3; i++)
        {
            var refused = Assert.Throws<ProblemException>(() => key.Decrypt(hash, ciphertext, room));
            Assert.That(refused.Code, Is.EqualTo("ciphertext_invalid"));
        }

        store.Destroy(id);
    }
}
