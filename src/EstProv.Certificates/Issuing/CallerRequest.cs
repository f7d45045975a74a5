using System.Buffers.Text;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>A certificate request of a caller's (PKCS#10, RFC 2986), checked: signed by its own key, and asking for nothing that callers may not have.</summary>
internal sealed class CallerRequest
{
    private const string SubjectAlternativeName = "2.5.29.17";
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

    /// <summary>Extended key usages that were asked for; null when none were.</summary>
    public OidCollection? Usages { get; private set; }

    /// <summary>SHA-256 of the CertificationRequestInfo, base64url: the same for the same wish, whatever the signature's random part.</summary>
    public string Fingerprint { get; }

    /// <exception cref="ProblemException"><c>bad_csr</c>, <c>csr_not_allowed</c>, both 400.</exception>
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
            foreach (var extension in request.CertificateExtensions) caller.Check(extension);
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
        if (rsa is not null && rsa.KeySize < SmallestRsaKey) throw NotAllowed($"an RSA key of {rsa.KeySize} bits; at least {SmallestRsaKey} are needed");
    }

    private void Check(X509Extension extension)
    {
        switch (extension.Oid?.Value)
        {
            case BasicConstraints:
                if (new X509BasicConstraintsExtension(extension, extension.Critical).CertificateAuthority) throw NotAllowed("a CA certificate");
                break;
            case KeyUsage:
                const X509KeyUsageFlags OfCas = X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;
                if ((new X509KeyUsageExtension(extension, extension.Critical).KeyUsages & OfCas) != X509KeyUsageFlags.None) throw NotAllowed("the key usage of a CA");
                break;
            case ExtendedKeyUsage:
                Usages = new X509EnhancedKeyUsageExtension(extension, extension.Critical).EnhancedKeyUsages;
                foreach (var usage in Usages)
                {
                    if (usage.Value is not (LocalMint.ServerAuthentication or LocalMint.ClientAuthentication))
                        throw NotAllowed($"the extended key usage {usage.Value}; serverAuth and clientAuth are allowed");
                }

                break;
            case SubjectAlternativeName:
                AlternativeNames = extension;
                CheckAlternativeNames(extension);
                break;
            default:
                // Not taken over into a minted certificate; an EST server goes by its own profile.
                break;
        }
    }

    /// <summary>GeneralName's dNSName [2], uniformResourceIdentifier [6], iPAddress [7] and rfc822Name [1] (RFC 5280 section 4.2.1.6); no other kind.</summary>
    private static void CheckAlternativeNames(X509Extension extension)
    {
        var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
        while (names.HasData)
        {
            var tag = names.PeekTag();
            if (tag.TagClass != TagClass.ContextSpecific || tag.TagValue is not (1 or 2 or 6 or 7))
                throw NotAllowed("an alternative name (SAN) that is neither DNS name, IP address, URI nor e-mail address");
            names.ReadEncodedValue();
        }
    }

    private static ProblemException Bad(string what, Exception? cause) =>
        new("bad_csr", $"the certificate request is not accepted: {what}", "send PKCS#10 in PEM, signed by the key that it is for", 400, cause);

    private static ProblemException NotAllowed(string what) =>
        new("csr_not_allowed", $"the certificate request asks for {what}", "leave it out of the request", 400);
}
