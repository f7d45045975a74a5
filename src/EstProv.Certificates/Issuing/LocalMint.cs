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
    PublicKey Key, X500DistinguishedName Subject, CertificateProfile Profile, X509Extension? AlternativeNames = null, OidCollection? Usages = null)
{
    /// <summary>How long it is to live; null for the default.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>Of a CA: how many CAs may follow below it.</summary>
    public int PathLength { get; init; }
}

/// <summary>Signs certificates with a key that stays in keyd, a CA's or their own (RFC 5280 section 4).</summary>
internal static class LocalMint
{
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private const string RsaEncryption = "1.2.840.113549.1.1.1";

    /// <summary>How long a minted certificate lives, where its issuer lives that long.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    /// <summary>Other clocks are behind ours.</summary>
    private static readonly TimeSpan BackDating = TimeSpan.FromMinutes(5);

    /// <summary>Bench set-ups have nobody to renew a CA that they trust by hand.</summary>
    public static readonly TimeSpan LifetimeOfSelfSignedCa = TimeSpan.FromDays(3650);

    /// <returns>The chain, the new certificate first.</returns>
    /// <exception cref="ProblemException"><c>device_ca_unusable</c>, <c>device_ca_expired</c>; what keyd says.</exception>
    public static X509Certificate2Collection Mint(LocalCa ca, MintOrder order, BelievedClock clock)
    {
        var longest = LongestPathBelow(ca.Certificate);
        if (order.Profile == CertificateProfile.Ca && longest < 0)
        {
            throw new ProblemException("device_ca_unusable",
                $"the certificate '{ca.Certificate.Subject}' may not sign CA certificates: its path length allows no CA below it (RFC 5280 section 4.2.1.9)",
                "have it issued with a greater path length (path_length in its [cert_issuance] table), or ask for no CA certificate", 400);
        }

        var (start, end) = Validity(ca.Certificate, order, clock);
        var request = new CertificateRequest(order.Subject, order.Key, HashFor(ca.Certificate.PublicKey));
        AddExtensions(request, order, Math.Min(order.PathLength, longest));
        request.CertificateExtensions.Add(ca.Certificate.Extensions[SubjectKeyIdentifier] is null
            ? X509AuthorityKeyIdentifierExtension.CreateFromIssuerNameAndSerialNumber(ca.Certificate.IssuerName, ca.Certificate.SerialNumberBytes.Span)
            : X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca.Certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var leaf = request.Create(ca.Certificate.SubjectName, ca.Key, start, end, NewSerialNumber());
        var chain = new X509Certificate2Collection(leaf);
        foreach (var certificate in ca.Chain) chain.Add(certificate);
        return chain;
    }

    /// <summary>Signs a certificate with its own key.</summary>
    /// <param name="key">The key of <paramref name="order"/>.</param>
    /// <exception cref="ProblemException">What keyd says.</exception>
    public static X509Certificate2 SelfSign(MintOrder order, RemoteSignatureGenerator key, BelievedClock clock)
    {
        var request = new CertificateRequest(order.Subject, order.Key, HashFor(order.Key));
        AddExtensions(request, order, order.PathLength);
        var lifetime = order.Lifetime ?? (order.Profile == CertificateProfile.Ca ? LifetimeOfSelfSignedCa : Lifetime);
        // By a clock that is not believed the end of a short life may be over before it began.
        if (!clock.IsBelieved && lifetime < LifetimeOfSelfSignedCa) lifetime = LifetimeOfSelfSignedCa;
        return request.Create(order.Subject, key, clock.Now - BackDating, Latest(clock.Now, lifetime), NewSerialNumber());
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

    /// <summary>A device CA, or one that a caller named.</summary>
    public static ProblemException Expired(string issuer, DateTimeOffset end) => new("device_ca_expired",
        $"the device CA '{issuer}' has expired at {end:yyyy-MM-dd HH:mm:ss}Z",
        "it is renewed by itself, and estprov status tells why it has not been; one that the operator brought he has to replace", 503);

    /// <remarks>
    /// Within the issuer's. By a clock that is not believed nobody knows when now is: such a certificate lives as long as its issuer, since a short
    /// life counted from the floor would be over before it began.
    /// </remarks>
    private static (DateTimeOffset Start, DateTimeOffset End) Validity(X509Certificate2 issuer, MintOrder order, BelievedClock clock)
    {
        var (issuerStart, issuerEnd) = (new DateTimeOffset(issuer.NotBefore.ToUniversalTime()), new DateTimeOffset(issuer.NotAfter.ToUniversalTime()));
        var now = clock.Now;
        if (issuerEnd <= now) throw Expired(issuer.Subject, issuerEnd);

        var start = now - BackDating > issuerStart ? now - BackDating : issuerStart;
        var wanted = Latest(now, order.Lifetime ?? Lifetime);
        var end = clock.IsBelieved && wanted < issuerEnd ? wanted : issuerEnd;
        return (start, end);
    }

    /// <summary>UTCTime and GeneralizedTime end with the year 9999 (RFC 5280 section 4.1.2.5).</summary>
    private static DateTimeOffset Latest(DateTimeOffset now, TimeSpan lifetime) => DateTimeOffset.MaxValue - now > lifetime ? now + lifetime : DateTimeOffset.MaxValue;

    private static void AddExtensions(CertificateRequest request, MintOrder order, int pathLength)
    {
        var extensions = request.CertificateExtensions;
        var isCa = order.Profile == CertificateProfile.Ca;
        extensions.Add(new X509BasicConstraintsExtension(isCa, isCa, isCa ? pathLength : 0, critical: true));
        extensions.Add(new X509KeyUsageExtension(UsageOf(order), critical: true));
        if (!isCa) extensions.Add(new X509EnhancedKeyUsageExtension(order.Usages ?? DefaultUsages(order.Profile), critical: false));
        extensions.Add(new X509SubjectKeyIdentifierExtension(order.Key, critical: false));
        if (order.AlternativeNames is { } names)
        {
            // With an empty subject the SAN must be critical (RFC 5280 section 4.2.1.6).
            extensions.Add(new X509Extension(names.Oid!, names.RawData, critical: order.Subject.RawData.Length <= 2));
        }
    }

    private static X509KeyUsageFlags UsageOf(MintOrder order)
    {
        if (order.Profile == CertificateProfile.Ca) return X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;
        // RSA key exchange of TLS 1.2 (RFC 5246 section 7.4.2).
        return order.Key.Oid.Value == RsaEncryption && order.Profile == CertificateProfile.Server
            ? X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment
            : X509KeyUsageFlags.DigitalSignature;
    }

    private const string SubjectKeyIdentifier = "2.5.29.14";

    private static OidCollection DefaultUsages(CertificateProfile profile) =>
        [new Oid(profile == CertificateProfile.Server ? ServerAuthentication : ClientAuthentication)];

    /// <summary>How many CAs may follow below the next one under it; -1 where only end entities may.</summary>
    /// <exception cref="ProblemException"><c>device_ca_unusable</c>: it is no CA at all.</exception>
    private static int LongestPathBelow(X509Certificate2 certificate)
    {
        const int Unlimited = int.MaxValue;
        int? longest = null;
        var maySign = true;
        foreach (var extension in certificate.Extensions)
        {
            if (extension is X509BasicConstraintsExtension { CertificateAuthority: true } constraints)
                longest = constraints.HasPathLengthConstraint ? constraints.PathLengthConstraint - 1 : Unlimited;
            if (extension is X509KeyUsageExtension usage && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign)) maySign = false;
        }

        return maySign && longest is { } known ? known : throw new ProblemException("device_ca_unusable",
            $"the certificate '{certificate.Subject}' may not sign certificates: it is no CA certificate",
            "the EST server must issue CA certificates at the URL of device-ca, or the operator's file of device-ca must hold one");
    }

    /// <summary>The hash goes with the key that signs: P-384 with SHA-384, P-521 with SHA-512, everything else with SHA-256.</summary>
    private static HashAlgorithmName HashFor(PublicKey signer)
    {
        using var key = signer.GetECDsaPublicKey();
        return key?.KeySize switch
        {
            384 => HashAlgorithmName.SHA384,
            521 => HashAlgorithmName.SHA512,
            _ => HashAlgorithmName.SHA256,
        };
    }
}
