using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Issuing;

/// <summary>A CA of ours and how to sign with it.</summary>
/// <param name="Chain">The CA's certificate first, then its issuers.</param>
/// <param name="Key">Its key in keyd.</param>
internal sealed record LocalCa(X509Certificate2Collection Chain, RemoteSignatureGenerator Key)
{
    public X509Certificate2 Certificate => Chain[0];
}

/// <summary>What is to be signed.</summary>
/// <param name="Key">The subject's public key.</param>
/// <param name="AlternativeNames">The SAN, taken over as it is; null for none.</param>
/// <param name="Usages">Extended key usages; null for the profile's own.</param>
internal sealed record MintOrder(
    PublicKey Key, X500DistinguishedName Subject, CertificateProfile Profile, X509Extension? AlternativeNames = null, OidCollection? Usages = null);

/// <summary>Signs end entity certificates with a CA key that stays in keyd (RFC 5280 section 4).</summary>
internal static class LocalMint
{
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private const string RsaEncryption = "1.2.840.113549.1.1.1";

    /// <summary>How long a minted certificate lives, where its issuer lives that long.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    /// <summary>Other clocks are behind ours.</summary>
    private static readonly TimeSpan BackDating = TimeSpan.FromMinutes(5);

    /// <returns>The chain, the new certificate first.</returns>
    /// <exception cref="ProblemException"><c>device_ca_unusable</c>; what keyd says.</exception>
    public static X509Certificate2Collection Mint(LocalCa ca, MintOrder order, BelievedClock clock)
    {
        if (!MaySign(ca.Certificate))
        {
            throw new ProblemException("device_ca_unusable", $"the certificate '{ca.Certificate.Subject}' may not sign certificates: it is no CA certificate",
                "the EST server must issue CA certificates at the URL of device-ca");
        }

        var (start, end) = Validity(ca.Certificate, clock);
        var request = new CertificateRequest(order.Subject, order.Key, HashFor(ca.Certificate));
        AddExtensions(request, ca.Certificate, order);
        var leaf = request.Create(ca.Certificate.SubjectName, ca.Key, start, end, NewSerialNumber());
        var chain = new X509Certificate2Collection(leaf);
        foreach (var certificate in ca.Chain) chain.Add(certificate);
        return chain;
    }

    /// <summary>159 random bits, positive, never zero (RFC 5280 section 4.1.2.2 allows 20 octets).</summary>
    public static byte[] NewSerialNumber()
    {
        var serial = new byte[20];
        do
        {
            RandomNumberGenerator.Fill(serial);
            serial[0] &= 0x7F;
        }
        while (serial[0] == 0);
        return serial;
    }

    /// <remarks>
    /// Within the issuer's. By a clock that is not believed nobody knows when now is: such a certificate lives as long as its issuer, since a short
    /// life counted from the floor would be over before it began.
    /// </remarks>
    private static (DateTimeOffset Start, DateTimeOffset End) Validity(X509Certificate2 issuer, BelievedClock clock)
    {
        var (issuerStart, issuerEnd) = (new DateTimeOffset(issuer.NotBefore.ToUniversalTime()), new DateTimeOffset(issuer.NotAfter.ToUniversalTime()));
        var now = clock.Now;
        if (issuerEnd <= now)
        {
            throw new ProblemException("device_ca_expired", $"the device CA '{issuer.Subject}' has expired at {issuerEnd:yyyy-MM-dd HH:mm:ss}Z",
                "it is renewed by itself; see its own state", 503);
        }

        var start = now - BackDating > issuerStart ? now - BackDating : issuerStart;
        var end = clock.IsBelieved && now + Lifetime < issuerEnd ? now + Lifetime : issuerEnd;
        return (start, end);
    }

    private static void AddExtensions(CertificateRequest request, X509Certificate2 issuer, MintOrder order)
    {
        var extensions = request.CertificateExtensions;
        extensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        var usage = X509KeyUsageFlags.DigitalSignature;
        // RSA key exchange of TLS 1.2 (RFC 5246 section 7.4.2).
        if (order.Key.Oid.Value == RsaEncryption && order.Profile == CertificateProfile.Server) usage |= X509KeyUsageFlags.KeyEncipherment;
        extensions.Add(new X509KeyUsageExtension(usage, critical: true));
        extensions.Add(new X509EnhancedKeyUsageExtension(order.Usages ?? DefaultUsages(order.Profile), critical: false));
        extensions.Add(new X509SubjectKeyIdentifierExtension(order.Key, critical: false));
        extensions.Add(issuer.Extensions[SubjectKeyIdentifier] is null
            ? X509AuthorityKeyIdentifierExtension.CreateFromIssuerNameAndSerialNumber(issuer.IssuerName, issuer.SerialNumberBytes.Span)
            : X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        if (order.AlternativeNames is { } names)
        {
            // With an empty subject the SAN must be critical (RFC 5280 section 4.2.1.6).
            extensions.Add(new X509Extension(names.Oid!, names.RawData, critical: order.Subject.RawData.Length <= 2));
        }
    }

    private const string SubjectKeyIdentifier = "2.5.29.14";

    private static OidCollection DefaultUsages(CertificateProfile profile) =>
        [new Oid(profile == CertificateProfile.Server ? ServerAuthentication : ClientAuthentication)];

    private static bool MaySign(X509Certificate2 certificate)
    {
        var isCa = false;
        foreach (var extension in certificate.Extensions)
        {
            if (extension is X509BasicConstraintsExtension constraints) isCa = constraints.CertificateAuthority;
            if (extension is X509KeyUsageExtension usage && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign)) return false;
        }

        return isCa;
    }

    /// <summary>The hash goes with the issuer's key: P-384 with SHA-384, P-521 with SHA-512, everything else with SHA-256.</summary>
    private static HashAlgorithmName HashFor(X509Certificate2 issuer)
    {
        using var key = issuer.GetECDsaPublicKey();
        return key?.KeySize switch
        {
            384 => HashAlgorithmName.SHA384,
            521 => HashAlgorithmName.SHA512,
            _ => HashAlgorithmName.SHA256,
        };
    }
}
