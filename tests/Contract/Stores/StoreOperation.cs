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

    public static readonly StoreOperation MacKey = new("symmetric key: generate, HMAC-SHA256", static store => Secret(store, SecretUsage.Derive | SecretUsage.Sign, []));

    public static readonly StoreOperation CipherKey = new("symmetric key: generate, AES-256-GCM", static store => Secret(store, SecretUsage.Encrypt, []));

    public static readonly StoreOperation AllPurposeKey = new("symmetric key: generate, both", static store => Secret(store, SecretUsage.Derive | SecretUsage.Encrypt | SecretUsage.Sign, []));

    public static readonly StoreOperation ImportedMacKey = new("symmetric key: import, HMAC-SHA256", static store => Secret(store, SecretUsage.Sign, Known));

    public static readonly StoreOperation ImportedCipherKey = new("symmetric key: import, AES-256-GCM", static store => Secret(store, SecretUsage.Encrypt, Known));

    public static readonly StoreOperation ShortMacKey = new("symmetric key: import of 16 bytes", static store => Secret(store, SecretUsage.Sign, Known[..16]));

    private static byte[] Known => SHA256.HashData("known"u8);

    /// <summary>In the order of the table.</summary>
    public static readonly IReadOnlyList<StoreOperation> All =
    [
        EcP256, EcP384, EcP521, Rsa2048, Rsa3072, Rsa4096, Pss, OaepSha1, OaepSha256, Ed25519,
        MacKey, CipherKey, AllPurposeKey, ImportedMacKey, ImportedCipherKey, ShortMacKey,
    ];

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

    private static void Secret(IKeyStore store, SecretUsage usage, byte[] value)
    {
        var id = StorageId.Random();
        var secret = store.CreateSecret(id, "master", usage, value);
        var again = store.OpenSecret(id, "master", usage);
        if (usage.NeedsMac()) Mac(secret, again, value);
        if (usage.HasFlag(SecretUsage.Encrypt)) Cipher(secret, again, value);
        store.Destroy(id);
        var gone = Assert.Throws<ProblemException>(store.OpenSecret(id, "master", usage).Probe);
        Assert.That(gone.Code, Is.EqualTo("key_not_found"));
    }

    private static void Mac(StoredSecret secret, StoredSecret again, byte[] value)
    {
        byte[] made = new byte[32], repeated = new byte[32], other = new byte[32];
        var message = new byte[4000];
        secret.Mac(message, made);
        again.Mac(message, repeated);
        again.Mac("another"u8, other);
        Assert.That(repeated, Is.EqualTo(made).And.Not.EqualTo(other));
        if (value.Length > 0) Assert.That(made, Is.EqualTo(HMACSHA256.HashData(value, message)));
    }

    private static void Cipher(StoredSecret secret, StoredSecret again, byte[] value)
    {
        foreach (var (iv, aad, plaintext) in ((string, string, string)[])[("twelve bytes", "", "text"), ("a", "aad", ""), (new string('v', 128), new string('a', 3000), new string('p', 3000))])
        {
            var (i, a, p) = (Bytes(iv), Bytes(aad), Bytes(plaintext));
            var made = new byte[p.Length + 16];
            var opened = new byte[p.Length];
            secret.Encrypt(i, a, p, made);
            again.Decrypt(i, a, made, opened);
            Assert.That(opened, Is.EqualTo(p));
            if (value.Length > 0 && i.Length == 12) Assert.That(made, Is.EqualTo(FrameworkGcm(value, i, a, p)));

            made[0] ^= 1;
            Array.Clear(opened);
            var refused = Assert.Throws<ProblemException>(() => again.Decrypt(i, a, made, opened));
            Assert.That(refused.Code, Is.EqualTo("ciphertext_invalid"));
            Assert.That(opened, Has.All.Zero, "nothing comes out that was not authenticated");
        }
    }

    private static byte[] FrameworkGcm(byte[] key, byte[] iv, byte[] aad, byte[] plaintext)
    {
        var sealedText = new byte[plaintext.Length + 16];
        using var gcm = new AesGcm(key, 16);
        gcm.Encrypt(iv, plaintext, sealedText.AsSpan(0, plaintext.Length), sealedText.AsSpan(plaintext.Length), aad);
        return sealedText;
    }

    private static byte[] Bytes(string text) => System.Text.Encoding.ASCII.GetBytes(text);
}
