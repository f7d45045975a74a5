using System.Security.Cryptography;
using System.Text;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.SelfTest;

/// <summary>What the operations do, step by step.</summary>
internal static class OperationSteps
{
    public const string KeyId = "estprov-selftest";

    /// <summary>The value of imported keys.</summary>
    public static byte[] Known => SHA256.HashData("known"u8);

    public static void Sign(IKeyStore store, SignatureVerifier verify, KeyAlgorithm algorithm, SignatureScheme scheme) => WithPair(store, algorithm, key =>
    {
        foreach (var hash in (DigestAlgorithm[])[DigestAlgorithm.Sha256, DigestAlgorithm.Sha384, DigestAlgorithm.Sha512])
        {
            var digest = CryptographicOperations.HashData(hash.Name(), "message"u8);
            var signature = new byte[StoredKey.LongestSignature];
            signature = signature[..key.Sign(scheme, hash, digest, signature)];
            Require(verify(key.Public, scheme, hash, digest, signature), $"a signature {scheme} over {hash} does not verify");
        }
    });

    public static void Decrypt(IKeyStore store, HashAlgorithmName hash) => WithPair(store, KeyAlgorithm.Rsa2048, key =>
    {
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(key.Public.Spki, out _);
        var ciphertext = rsa.Encrypt("secret"u8, RSAEncryptionPadding.CreateOaep(hash));
        var room = new byte[StoredKey.LongestSignature];
        Require(room.AsSpan(0, key.Decrypt(hash, ciphertext, room)).SequenceEqual("secret"u8), "OAEP decrypts to something else");
        ciphertext[3] ^= 1;
        RequireRefusal("ciphertext_invalid", () => key.Decrypt(hash, ciphertext, room));
    });

    public static void Secret(IKeyStore store, SecretUsage usage, byte[] value)
    {
        var id = StorageId.Random();
        try
        {
            var secret = store.CreateSecret(id, KeyId, usage, value);
            var again = store.OpenSecret(id, KeyId, usage);
            if (usage.NeedsMac()) Mac(secret, again, value);
            if (usage.HasFlag(SecretUsage.Encrypt)) Cipher(secret, again);
        }
        finally
        {
            store.Destroy(id);
        }

        RequireRefusal("key_not_found", store.OpenSecret(id, KeyId, usage).Probe);
    }

    private static void Mac(StoredSecret secret, StoredSecret again, byte[] value)
    {
        byte[] made = new byte[32], repeated = new byte[32], other = new byte[32];
        var message = new byte[4000];
        secret.Mac(message, made);
        again.Mac(message, repeated);
        again.Mac("another"u8, other);
        Require(repeated.AsSpan().SequenceEqual(made) && !other.AsSpan().SequenceEqual(made), "HMAC-SHA256 differs for one message, or not for another");
        if (value.Length > 0) Require(made.AsSpan().SequenceEqual(HMACSHA256.HashData(value, message)), "HMAC-SHA256 with an imported key is another than it should be");
    }

    private static void Cipher(StoredSecret secret, StoredSecret again)
    {
        foreach (var (iv, aad, plaintext) in ((string, string, string)[])[("twelve bytes", "", "text"), ("a", "aad", ""), (new string('v', 128), new string('a', 3000), new string('p', 3000))])
        {
            var (i, a, p) = (Encoding.ASCII.GetBytes(iv), Encoding.ASCII.GetBytes(aad), Encoding.ASCII.GetBytes(plaintext));
            var made = new byte[p.Length + Ciphers.TagLength];
            var opened = new byte[p.Length];
            secret.Encrypt(i, a, p, made);
            again.Decrypt(i, a, made, opened);
            Require(opened.AsSpan().SequenceEqual(p), "AES-256-GCM decrypts to something else");

            made[0] ^= 1;
            Array.Clear(opened);
            RequireRefusal("ciphertext_invalid", () => again.Decrypt(i, a, made, opened));
            Require(!opened.AsSpan().ContainsAnyExcept((byte)0), "text comes out that was not authenticated");
        }
    }

    private static void WithPair(IKeyStore store, KeyAlgorithm algorithm, Action<StoredKey> action)
    {
        var id = StorageId.Random();
        try
        {
            action(store.Generate(id, KeyId, algorithm));
        }
        finally
        {
            store.Destroy(id);
        }
    }

    private static void RequireRefusal(string code, Action action)
    {
        try
        {
            action();
        }
        catch (ProblemException problem) when (problem.Code == code)
        {
            return;
        }

        throw Failed($"nothing is refused where {code} should be");
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition) throw Failed(otherwise);
    }

    private static ProblemException Failed(string what) => new("selftest_failed", what, "ask the token's vendor", 500);
}
