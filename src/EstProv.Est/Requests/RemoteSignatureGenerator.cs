using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est;

/// <summary>
/// Signs certificate requests and certificates with a key that is elsewhere: the digest goes out, the signature comes back.
/// EC keys sign ECDSA (RFC 5758), RSA keys PKCS#1 v1.5 (RFC 4055).
/// </summary>
public sealed class RemoteSignatureGenerator : X509SignatureGenerator
{
    private const string EcPublicKey = "1.2.840.10045.2.1"; // id-ecPublicKey, RFC 5480
    private const string RsaEncryption = "1.2.840.113549.1.1.1"; // rsaEncryption, RFC 8017

    private readonly PublicKey _publicKey;
    private readonly Func<HashAlgorithmName, byte[], byte[]> _sign;

    /// <param name="subjectPublicKeyInfo">DER of the public key (RFC 5280 section 4.1).</param>
    /// <param name="sign">
    /// Signs a digest of the given hash; returns for EC the DER SEQUENCE of r and s, for RSA the PKCS#1 v1.5 signature. The hash is SHA-256,
    /// SHA-384 or SHA-512.
    /// </param>
    /// <exception cref="CryptographicException">The key is neither EC nor RSA.</exception>
    public RemoteSignatureGenerator(ReadOnlySpan<byte> subjectPublicKeyInfo, Func<HashAlgorithmName, byte[], byte[]> sign)
    {
        _publicKey = PublicKey.CreateFromSubjectPublicKeyInfo(subjectPublicKeyInfo, out _);
        if (_publicKey.Oid.Value is not (EcPublicKey or RsaEncryption)) throw new CryptographicException("neither an EC nor an RSA key");
        _sign = sign;
    }

    private bool IsEc => _publicKey.Oid.Value == EcPublicKey;

    public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm)
    {
        // AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }: none for ECDSA, NULL for RSA.
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(SignatureOid(hashAlgorithm));
            if (!IsEc) writer.WriteNull();
        }

        return writer.Encode();
    }

    public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) =>
        _sign(hashAlgorithm, CryptographicOperations.HashData(hashAlgorithm, data));

    protected override PublicKey BuildPublicKey() => _publicKey;

    private string SignatureOid(HashAlgorithmName hash) => (IsEc, hash.Name) switch
    {
        (true, "SHA256") => "1.2.840.10045.4.3.2",
        (true, "SHA384") => "1.2.840.10045.4.3.3",
        (true, "SHA512") => "1.2.840.10045.4.3.4",
        (false, "SHA256") => "1.2.840.113549.1.1.11",
        (false, "SHA384") => "1.2.840.113549.1.1.12",
        (false, "SHA512") => "1.2.840.113549.1.1.13",
        _ => throw new CryptographicException("the hash must be SHA-256, SHA-384 or SHA-512"),
    };
}
