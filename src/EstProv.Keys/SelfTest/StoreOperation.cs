using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.SelfTest;

/// <summary>Something that a store does or lacks: a row of the table in the README, and of the self test.</summary>
/// <param name="Name">For people.</param>
/// <param name="Try">Does it on a store, looks at what comes of it, and removes what it made. Throws <see cref="ProblemException"/>:
/// <c>mechanism_missing</c> where the store lacks it, <c>selftest_failed</c> where the outcome is wrong.</param>
internal sealed record StoreOperation(string Name, Action<IKeyStore, SignatureVerifier> Try)
{
    public static readonly StoreOperation EcP256 = new("EC P-256: generate, ECDSA", static (store, verify) => OperationSteps.Sign(store, verify, KeyAlgorithm.EcP256, SignatureScheme.Ecdsa)) { MakesIdentities = true };

    public static readonly StoreOperation EcP384 = new("EC P-384: generate, ECDSA", static (store, verify) => OperationSteps.Sign(store, verify, KeyAlgorithm.EcP384, SignatureScheme.Ecdsa)) { MakesIdentities = true };

    public static readonly StoreOperation EcP521 = new("EC P-521: generate, ECDSA", static (store, verify) => OperationSteps.Sign(store, verify, KeyAlgorithm.EcP521, SignatureScheme.Ecdsa)) { MakesIdentities = true };

    public static readonly StoreOperation Rsa2048 = new("RSA 2048: generate, PKCS#1 v1.5", static (store, verify) => OperationSteps.Sign(store, verify, KeyAlgorithm.Rsa2048, SignatureScheme.RsaPkcs1)) { MakesIdentities = true };

    public static readonly StoreOperation Rsa3072 = new("RSA 3072: generate, PKCS#1 v1.5", static (store, verify) => OperationSteps.Sign(store, verify, KeyAlgorithm.Rsa3072, SignatureScheme.RsaPkcs1)) { MakesIdentities = true };

    public static readonly StoreOperation Rsa4096 = new("RSA 4096: generate, PKCS#1 v1.5", static (store, verify) => OperationSteps.Sign(store, verify, KeyAlgorithm.Rsa4096, SignatureScheme.RsaPkcs1)) { MakesIdentities = true };

    public static readonly StoreOperation Pss = new("RSA: PSS", static (store, verify) => OperationSteps.Sign(store, verify, KeyAlgorithm.Rsa2048, SignatureScheme.RsaPss));

    public static readonly StoreOperation OaepSha1 = new("RSA: OAEP decrypt, SHA-1", static (store, _) => OperationSteps.Decrypt(store, HashAlgorithmName.SHA1));

    public static readonly StoreOperation OaepSha256 = new("RSA: OAEP decrypt, SHA-256", static (store, _) => OperationSteps.Decrypt(store, HashAlgorithmName.SHA256));

    public static readonly StoreOperation Ed25519 = new("Ed25519: generate, EdDSA", static (store, verify) => OperationSteps.Sign(store, verify, KeyAlgorithm.Ed25519, SignatureScheme.EdDsa));

    public static readonly StoreOperation MacKey = new("symmetric key: generate, HMAC-SHA256", static (store, _) => OperationSteps.Secret(store, SecretUsage.Derive | SecretUsage.Sign, []));

    public static readonly StoreOperation CipherKey = new("symmetric key: generate, AES-256-GCM", static (store, _) => OperationSteps.Secret(store, SecretUsage.Encrypt, []));

    public static readonly StoreOperation AllPurposeKey = new("symmetric key: generate, both", static (store, _) => OperationSteps.Secret(store, SecretUsage.Derive | SecretUsage.Encrypt | SecretUsage.Sign, []));

    public static readonly StoreOperation ImportedMacKey = new("symmetric key: import, HMAC-SHA256", static (store, _) => OperationSteps.Secret(store, SecretUsage.Sign, OperationSteps.Known));

    public static readonly StoreOperation ImportedCipherKey = new("symmetric key: import, AES-256-GCM", static (store, _) => OperationSteps.Secret(store, SecretUsage.Encrypt, OperationSteps.Known));

    public static readonly StoreOperation ShortMacKey = new("symmetric key: import of 16 bytes", static (store, _) => OperationSteps.Secret(store, SecretUsage.Sign, OperationSteps.Known[..16]));

    /// <summary>In the order of the table.</summary>
    public static readonly IReadOnlyList<StoreOperation> All =
    [
        EcP256, EcP384, EcP521, Rsa2048, Rsa3072, Rsa4096, Pss, OaepSha1, OaepSha256, Ed25519,
        MacKey, CipherKey, AllPurposeKey, ImportedMacKey, ImportedCipherKey, ShortMacKey,
    ];

    /// <summary>A device could have its identity with such keys.</summary>
    public bool MakesIdentities { get; private init; }

    public override string ToString() => Name;
}
