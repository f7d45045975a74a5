using System.Buffers.Text;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>A certificate request of a caller's (PKCS#10, RFC 2986): signed by its own key, and read. What it may ask is judged by <see cref="CsrCheck"/>.</summary>
internal sealed class CallerRequest
{
    private const string BasicConstraints = "2.5.29.19";
    private const string KeyUsage = "2.5.29.15";
    private const string ExtendedKeyUsage = "2.5.29.37";
    private const int LargestRequest = 16 * 1024;
    private const int SmallestRsaKey = 2048;

    private CallerRequest(byte[] der, CertificateRequest request, string fingerprint)
    {
        Der = der;
        Subject = request.SubjectName;
        Key = request.PublicKey;
        Fingerprint = fingerprint;
    }

    public byte[] Der { get; }

    public X500DistinguishedName Subject { get; }

    public PublicKey Key { get; }

    public X509Extension? AlternativeNames { get; private set; }

    /// <summary>What is in it; null in the place of a name of a kind that modules have no use for.</summary>
    public IReadOnlyList<AlternativeName?> Names { get; private set; } = [];

    /// <summary>Extended key usages that were asked for; null when none were.</summary>
    public OidCollection? Usages { get; private set; }

    public X509KeyUsageFlags KeyUsages { get; private set; }

    public bool IsCa { get; private set; }

    /// <summary>With <see cref="IsCa"/>: how many CAs may follow below; null for no limit.</summary>
    public int? PathLength { get; private set; }

    /// <summary>SHA-256 of the CertificationRequestInfo, base64url: the same for the same wish, whatever the signature's random part.</summary>
    public string Fingerprint { get; }

    /// <exception cref="ProblemException"><c>bad_csr</c>, <c>csr_not_allowed</c> for a weak key, both 400.</exception>
    public static CallerRequest Read(string pem)
    {
        try
        {
            if (pem.Length > LargestRequest || !PemEncoding.TryFind(pem, out var fields)
                || pem[fields.Label] is not ("CERTIFICATE REQUEST" or "NEW CERTIFICATE REQUEST"))
                throw Bad("it is no PEM block CERTIFICATE REQUEST", null);

            var der = Convert.FromBase64String(pem[fields.Base64Data]);
            var info = new AsnReader(der, AsnEncodingRules.DER).ReadSequence().PeekEncodedValue();
            // The signature is verified here.
            var request = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256,
                CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions, RSASignaturePadding.Pkcs1);
            var caller = new CallerRequest(der, request, Base64Url.EncodeToString(SHA256.HashData(info.Span)));
            caller.CheckKey();
            foreach (var extension in request.CertificateExtensions) caller.Take(extension);
            return caller;
        }
        catch (Exception cause) when (cause is CryptographicException or AsnContentException or FormatException or ArgumentException or NotSupportedException)
        {
            throw Bad("it cannot be read, or its signature is not by its own key", cause);
        }
    }

    private void CheckKey()
    {
        using var rsa = Key.GetRSAPublicKey();
        if (rsa is null || rsa.KeySize >= SmallestRsaKey) return;
        throw new ProblemException("csr_not_allowed", $"the certificate request is for an RSA key of {rsa.KeySize} bits; at least {SmallestRsaKey} are needed",
            "make another key", 400);
    }

    private void Take(X509Extension extension)
    {
        switch (extension.Oid?.Value)
        {
            case BasicConstraints:
                var constraints = new X509BasicConstraintsExtension(extension, extension.Critical);
                IsCa = constraints.CertificateAuthority;
                PathLength = constraints.HasPathLengthConstraint ? constraints.PathLengthConstraint : null;
                break;
            case KeyUsage:
                KeyUsages = new X509KeyUsageExtension(extension, extension.Critical).KeyUsages;
                break;
            case ExtendedKeyUsage:
                Usages = new X509EnhancedKeyUsageExtension(extension, extension.Critical).EnhancedKeyUsages;
                break;
            case Issuing.AlternativeNames.Oid:
                AlternativeNames = extension;
                Names = Issuing.AlternativeNames.Read(extension.RawData);
                break;
            default:
                // Not taken over into a certificate made here; an EST server goes by its own profile.
                break;
        }
    }

    private static ProblemException Bad(string what, Exception? cause) =>
        new("bad_csr", $"the certificate request is not accepted: {what}", "send PKCS#10 in PEM, signed by the key that it is for", 400, cause);
}
