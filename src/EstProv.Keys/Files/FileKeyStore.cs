using System.Security.Cryptography;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Files;

/// <summary>
/// Keys in files, for devices without a token, and symmetric keys for tokens that have none: for each key <c>NAME.v1.pem</c> with mode 0600,
/// NAME being the <see cref="StorageId"/>, so that any key id is safe. PKCS#8 in PEM (RFC 7468), with the key id in front of it as explanatory text.
/// </summary>
internal sealed class FileKeyStore(string folder) : IKeyStore
{
    public const string StoreName = "files";

    private const string Suffix = ".v1.pem";

    public string Name => StoreName;

    public void Prepare()
    {
    }

    public StoredKey Generate(StorageId id, string keyId, KeyAlgorithm algorithm)
    {
        using AsymmetricAlgorithm key = algorithm switch
        {
            KeyAlgorithm.EcP256 => ECDsa.Create(ECCurve.NamedCurves.nistP256),
            KeyAlgorithm.EcP384 => ECDsa.Create(ECCurve.NamedCurves.nistP384),
            KeyAlgorithm.EcP521 => ECDsa.Create(ECCurve.NamedCurves.nistP521),
            KeyAlgorithm.Ed25519 => throw new ProblemException("mechanism_missing",
                $"key '{keyId}' was not generated: the file store has no Ed25519", "use an EC key, or a token that has Ed25519", 400),
            _ => RSA.Create(algorithm.ModulusBits()),
        };
        var pkcs8 = key.ExportPkcs8PrivateKey();
        byte[]? file = null;
        try
        {
            file = PemFile.Encode($"Key {Uri.EscapeDataString(keyId)} ({algorithm.Name()})", "PRIVATE KEY", pkcs8);
            AtomicFile.Write(PathOf(id), file);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
            CryptographicOperations.ZeroMemory(file);
        }

        return new FileKey(PathOf(id), $"key '{keyId}'", PublicKeyInfo.Parse(key.ExportSubjectPublicKeyInfo()));
    }

    public StoredKey Open(StorageId id, string keyId, PublicKeyInfo publicKey) => new FileKey(PathOf(id), $"key '{keyId}'", publicKey);

    public StoredSecret CreateSecret(StorageId id, string keyId, SecretUsage usage, ReadOnlySpan<byte> value)
    {
        Span<byte> random = stackalloc byte[StoredSecret.Length];
        RandomNumberGenerator.Fill(random);
        SecretFile.Write(PathOf(id), keyId, usage, value.IsEmpty ? random : value);
        CryptographicOperations.ZeroMemory(random);
        return OpenSecret(id, keyId, usage);
    }

    public StoredSecret OpenSecret(StorageId id, string keyId, SecretUsage usage) => new FileSecret(PathOf(id), $"key '{keyId}'", usage);

    public void Destroy(StorageId id) => AtomicFile.Delete(PathOf(id));

    public void Dispose()
    {
    }

    private string PathOf(StorageId id) => Path.Combine(folder, id + Suffix);
}
