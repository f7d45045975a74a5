using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Certificates.Store;

/// <summary>Reads out of a certificate, once, what the store keeps of it.</summary>
internal static class CertificateFacts
{
    /// <param name="now">When it was issued, by the believed clock.</param>
    /// <param name="spread">Random in [0, 1).</param>
    public static StoredCertificate Describe(string id, StoredKind kind, X509Certificate2 leaf, string pem, DateTimeOffset now, double spread)
    {
        var (start, end) = (new DateTimeOffset(leaf.NotBefore.ToUniversalTime()), new DateTimeOffset(leaf.NotAfter.ToUniversalTime()));
        return new StoredCertificate
        {
            Id = id,
            Kind = kind,
            Spki = SpkiOf(leaf),
            Subject = leaf.Subject,
            Issuer = leaf.Issuer,
            NotBefore = start,
            NotAfter = end,
            KeyAlgorithm = KeyAlgorithmOf(leaf),
            IssuedAt = now > start ? now : start,
            Spread = spread,
            Pem = pem,
        };
    }

    public static string SpkiOf(X509Certificate2 certificate) =>
        Base64Url.EncodeToString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    public static string SpkiOf(ReadOnlySpan<byte> subjectPublicKeyInfo) => Base64Url.EncodeToString(SHA256.HashData(subjectPublicKeyInfo));

    private static string KeyAlgorithmOf(X509Certificate2 certificate)
    {
        using var ec = certificate.GetECDsaPublicKey();
        if (ec is not null) return $"EC P-{ec.KeySize}";
        using var rsa = certificate.GetRSAPublicKey();
        return rsa is not null ? $"RSA {rsa.KeySize}" : certificate.GetKeyAlgorithm();
    }
}
