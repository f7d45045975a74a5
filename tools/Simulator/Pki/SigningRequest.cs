using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EstProv.Simulator.Pki;

/// <summary>A PKCS#10 request whose own signature has been verified.</summary>
public sealed class SigningRequest
{
    private SigningRequest(byte[] der, CertificateRequest request)
    {
        Der = der;
        Subject = request.SubjectName;
        Key = request.PublicKey;
        AlternativeNames = CertificateMaker.AlternativeNames(request.CertificateExtensions);
        Digest = Convert.ToHexStringLower(SHA256.HashData(der));
    }

    public byte[] Der { get; }

    public X500DistinguishedName Subject { get; }

    public PublicKey Key { get; }

    /// <summary>DER of the requested subject alternative names; null = none asked.</summary>
    public byte[]? AlternativeNames { get; }

    /// <summary>SHA-256 of the DER, hex.</summary>
    public string Digest { get; }

    /// <summary>Reads DER; throws <see cref="CryptographicException"/> when it is no request or its signature is wrong.</summary>
    public static SigningRequest Parse(byte[] der)
    {
        // The hash is that of a certificate to be made from it, which is set anew when signing.
        var request = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        return new SigningRequest(der, request);
    }

    /// <summary>Reads a file of PEM or DER.</summary>
    public static SigningRequest FromFile(string path)
    {
        var bytes = File.ReadAllBytes(path);
        return Parse(FromPem(bytes) ?? bytes);
    }

    /// <summary>The DER within PEM armour; null = not PEM.</summary>
    public static byte[]? FromPem(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IndexOf("-----BEGIN"u8) < 0)
        {
            return null;
        }

        var text = Encoding.ASCII.GetString(bytes);
        return PemEncoding.TryFind(text, out var fields) ? Convert.FromBase64String(text[fields.Base64Data]) : null;
    }
}
