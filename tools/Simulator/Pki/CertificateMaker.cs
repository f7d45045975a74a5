using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Pki;

/// <summary>Certificates as the simulator's CAs make them: random serial, SKI and AKI, validity within the issuer's.</summary>
public static class CertificateMaker
{
    private const string SubjectAlternativeName = "2.5.29.17";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    public static AsymmetricAlgorithm NewKey(KeyKind kind)
        => kind == KeyKind.Ec ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : RSA.Create(2048);

    public static CertificateRequest Request(X500DistinguishedName subject, AsymmetricAlgorithm key) => key switch
    {
        ECDsa ec => new CertificateRequest(subject, ec, HashAlgorithmName.SHA256),
        RSA rsa => new CertificateRequest(subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        _ => throw new ArgumentException("neither EC nor RSA", nameof(key)),
    };

    public static X509Certificate2 WithKey(X509Certificate2 certificate, AsymmetricAlgorithm key) => key switch
    {
        ECDsa ec => certificate.CopyWithPrivateKey(ec),
        RSA rsa => certificate.CopyWithPrivateKey(rsa),
        _ => throw new ArgumentException("neither EC nor RSA", nameof(key)),
    };

    /// <summary>A self-signed CA certificate, or one signed by <paramref name="issuer"/>.</summary>
    public static X509Certificate2 MakeAuthority(string commonName, KeyKind kind, Authority? issuer, int? pathLength, DateTimeOffset from, DateTimeOffset to)
    {
        using var key = NewKey(kind);
        var subject = new X500DistinguishedName($"CN={commonName}");
        var request = Request(subject, key);
        AddAuthorityExtensions(request, pathLength);
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        if (issuer is null)
        {
            return request.CreateSelfSigned(from, to);
        }

        using var certificate = Sign(request, issuer, from, to);
        return WithKey(certificate, key);
    }

    /// <summary>A server certificate with key for the DNS names and addresses.</summary>
    public static X509Certificate2 MakeServer(KeyKind kind, Authority issuer, DateTimeOffset from, DateTimeOffset to, params IReadOnlyList<string> names)
    {
        using var key = NewKey(kind);
        var request = Request(new X500DistinguishedName($"CN={names[0]}"), key);
        AddEndEntityExtensions(request, server: true, client: false);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
            {
                alternatives.AddIpAddress(address);
            }
            else
            {
                alternatives.AddDnsName(name);
            }
        }

        request.CertificateExtensions.Add(alternatives.Build());
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        using var certificate = Sign(request, issuer, from, to);
        return WithKey(certificate, key);
    }

    public static void AddAuthorityExtensions(CertificateRequest request, int? pathLength)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, pathLength is not null, pathLength ?? 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.DigitalSignature, critical: true));
    }

    public static void AddEndEntityExtensions(CertificateRequest request, bool server, bool client)
    {
        var usages = new OidCollection();
        if (server)
        {
            usages.Add(new Oid(ServerAuthentication));
        }

        if (client)
        {
            usages.Add(new Oid(ClientAuthentication));
        }

        var flags = X509KeyUsageFlags.DigitalSignature;
        if (string.Equals(request.PublicKey.Oid.Value, "1.2.840.113549.1.1.1", StringComparison.Ordinal))
        {
            flags |= X509KeyUsageFlags.KeyEncipherment;
        }

        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(flags, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(usages, critical: false));
    }

    /// <summary>Signs the request's subject, key and extensions as they stand, adding the authority key identifier.</summary>
    public static X509Certificate2 Sign(CertificateRequest request, Authority issuer, DateTimeOffset from, DateTimeOffset to)
    {
        var ca = issuer.Certificate;
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var start = Later(from, ca.NotBefore);
        var end = Earlier(to, ca.NotAfter);
        return request.Create(ca.SubjectName, issuer.Generator(), start, end, NewSerial());
    }

    /// <summary>The subject alternative names' DER of a certificate or of a request's extensions; null = none.</summary>
    public static byte[]? AlternativeNames(IEnumerable<X509Extension> extensions)
    {
        foreach (var extension in extensions)
        {
            if (string.Equals(extension.Oid?.Value, SubjectAlternativeName, StringComparison.Ordinal))
            {
                return extension.RawData;
            }
        }

        return null;
    }

    public static X509Extension AlternativeNames(byte[] der, bool critical) => new(SubjectAlternativeName, der, critical);

    /// <summary>The last common name of a subject; null = none.</summary>
    public static string? CommonName(X500DistinguishedName subject)
    {
        string? found = null;
        foreach (var part in subject.EnumerateRelativeDistinguishedNames(reversed: false))
        {
            if (!part.HasMultipleElements && string.Equals(part.GetSingleElementType().Value, "2.5.4.3", StringComparison.Ordinal))
            {
                found = part.GetSingleElementValue();
            }
        }

        return found;
    }

    private static byte[] NewSerial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);

        // RFC 5280 section 4.1.2.2: positive, and DER wants no leading zero byte.
        serial[0] = (byte)((serial[0] & 0x3f) | 0x40);
        return serial;
    }

    private static DateTimeOffset Later(DateTimeOffset wanted, DateTime bound)
    {
        var limit = new DateTimeOffset(bound.ToUniversalTime());
        return wanted > limit ? wanted : limit;
    }

    private static DateTimeOffset Earlier(DateTimeOffset wanted, DateTime bound)
    {
        var limit = new DateTimeOffset(bound.ToUniversalTime());
        return wanted < limit ? wanted : limit;
    }
}
