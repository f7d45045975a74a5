using System.Security.Cryptography;
using EstProv.Est;

namespace EstProv.Interop;

/// <summary>A key in a file: new ones are P-256, or P-384 or RSA 2048 where asked.</summary>
internal sealed class KeyPair : IDisposable
{
    private readonly ECDsa? _ec;
    private readonly RSA? _rsa;

    private KeyPair(ECDsa? ec, RSA? rsa)
    {
        _ec = ec;
        _rsa = rsa;
    }

    public byte[] SubjectPublicKeyInfo => _ec?.ExportSubjectPublicKeyInfo() ?? _rsa!.ExportSubjectPublicKeyInfo();

    public string Pem => _ec?.ExportPkcs8PrivateKeyPem() ?? _rsa!.ExportPkcs8PrivateKeyPem();

    public static KeyPair New(string? type) => type switch
    {
        null or "ec" => new KeyPair(ECDsa.Create(ECCurve.NamedCurves.nistP256), null),
        "ec-p384" => new KeyPair(ECDsa.Create(ECCurve.NamedCurves.nistP384), null),
        "rsa" => new KeyPair(null, RSA.Create(2048)),
        _ => throw new UsageException($"--key-type: '{type}' is none of ec, ec-p384, rsa"),
    };

    /// <summary>The key that an earlier request was made with.</summary>
    public static KeyPair FromFile(string path)
    {
        var ec = ECDsa.Create();
        ec.ImportFromPem(File.ReadAllText(path));
        return new KeyPair(ec, null);
    }

    public RemoteSignatureGenerator Signer() => new(SubjectPublicKeyInfo, (hash, digest) => _ec is not null
        ? _ec.SignHash(digest, DSASignatureFormat.Rfc3279DerSequence)
        : _rsa!.SignHash(digest, hash, RSASignaturePadding.Pkcs1));

    public void Dispose()
    {
        _ec?.Dispose();
        _rsa?.Dispose();
    }
}
