using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Tests.Support;

/// <summary>A CA of the tests' own. Times are fixed, so that no test depends on the day on which it runs.</summary>
internal sealed class TestCa
{
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    public const string CmcRegistrationAuthority = "1.3.6.1.5.5.7.3.28";

    /// <summary>The tests' now.</summary>
    public static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    public static readonly DateTimeOffset End = new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset CaEnd = new(2050, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private TestCa(X509Certificate2 certificate, TestCa? parent)
    {
        Certificate = certificate;
        Parent = parent;
    }

    /// <summary>With its key.</summary>
    public X509Certificate2 Certificate { get; }

    public TestCa? Parent { get; }

    /// <summary>Without its key.</summary>
    public X509Certificate2 Public => X509CertificateLoader.LoadCertificate(Certificate.RawData);

    public static TestCa Root(string name = "Test root")
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        AddCaExtensions(request);
        return new TestCa(request.CreateSelfSigned(Start, CaEnd), null);
    }

    public TestCa Intermediate(string name = "Test issuing CA", DateTimeOffset? start = null, DateTimeOffset? end = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        AddCaExtensions(request);
        using var certificate = Sign(request, start, end ?? CaEnd);
        return new TestCa(certificate.CopyWithPrivateKey(key), this);
    }

    /// <summary>A TLS server's certificate with its key.</summary>
    public X509Certificate2 Server(string[]? dns = null, string subject = "CN=EST server", DateTimeOffset? start = null, DateTimeOffset? end = null,
        string[]? usages = null, bool loopbackAddress = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        AddUsages(request, usages ?? [ServerAuthentication]);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in dns ?? ["localhost"]) names.AddDnsName(name);
        if (loopbackAddress) names.AddIpAddress(System.Net.IPAddress.Loopback);
        if (dns is not { Length: 0 } || loopbackAddress) request.CertificateExtensions.Add(names.Build());
        using var certificate = Sign(request, start, end);
        return Reload(certificate.CopyWithPrivateKey(key));
    }

    /// <summary>A client's certificate with its key.</summary>
    public X509Certificate2 Client(string name, DateTimeOffset? start = null, DateTimeOffset? end = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        AddUsages(request, [ClientAuthentication]);
        using var certificate = Sign(request, start, end);
        return Reload(certificate.CopyWithPrivateKey(key));
    }

    /// <summary>The certificate with the intermediates up to the root, as a TLS peer sends them.</summary>
    public SslStreamCertificateContext Context(X509Certificate2 certificate, bool withIntermediates = true)
    {
        var intermediates = new X509Certificate2Collection();
        for (var ca = this; withIntermediates && ca.Parent is not null; ca = ca.Parent) intermediates.Add(ca.Public);
        return SslStreamCertificateContext.Create(certificate, intermediates, offline: true);
    }

    /// <summary>What an EST server does with a request.</summary>
    public X509Certificate2 Issue(byte[] pkcs10, bool ca = false, DateTimeOffset? start = null, DateTimeOffset? end = null, string? subject = null,
        X509KeyUsageFlags? usage = null)
    {
        var asked = CertificateRequest.LoadSigningRequest(pkcs10, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        var name = subject is null ? asked.SubjectName : new X500DistinguishedName(subject);
        var request = new CertificateRequest(name, asked.PublicKey, HashAlgorithmName.SHA256);
        if (ca) request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        if (usage is { } flags) request.CertificateExtensions.Add(new X509KeyUsageExtension(flags, true));
        foreach (var extension in asked.CertificateExtensions)
        {
            if (extension is X509SubjectAlternativeNameExtension) request.CertificateExtensions.Add(extension);
        }

        return Sign(request, start, end);
    }

    /// <summary>certs-only PKCS#7.</summary>
    public static byte[] Pkcs7(params X509Certificate2[] certificates)
    {
        var message = new X509Certificate2Collection();
        foreach (var certificate in certificates) message.Add(X509CertificateLoader.LoadCertificate(certificate.RawData));
        return message.Export(X509ContentType.Pkcs7)!;
    }

    /// <summary>By the signer, since the framework would refuse a certificate that outlives its issuer.</summary>
    private X509Certificate2 Sign(CertificateRequest request, DateTimeOffset? start, DateTimeOffset? end)
    {
        using var key = Certificate.GetECDsaPrivateKey()!;
        return request.Create(Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(key), start ?? Start, end ?? End, Serial());
    }

    private static void AddCaExtensions(CertificateRequest request)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
    }

    private static void AddUsages(CertificateRequest request, string[] usages)
    {
        var oids = new OidCollection();
        foreach (var usage in usages) oids.Add(new Oid(usage));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(oids, false));
    }

    private static X509Certificate2 Reload(X509Certificate2 certificate) =>
        X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);

    private static byte[] Serial() => RandomNumberGenerator.GetBytes(15) is var serial ? [0x01, .. serial] : [];
}
