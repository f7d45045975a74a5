using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Identity.Tests.Support;

/// <summary>A small CA for servers and devices.</summary>
internal sealed class TestPki
{
    private readonly X509Certificate2 _root;

    public TestPki(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddYears(5));
        Root = X509CertificateLoader.LoadCertificate(_root.RawData);
    }

    public X509Certificate2 Root { get; }

    public X509Certificate2 Server(string name, int validFromDays = -1, int validToDays = 30)
    {
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address)) names.AddIpAddress(address);
        else names.AddDnsName(name);
        return Issue($"CN={name}", "1.3.6.1.5.5.7.3.1", names.Build(), validFromDays, validToDays);
    }

    public X509Certificate2 Device(string commonName) => Issue($"CN={commonName}", "1.3.6.1.5.5.7.3.2", null, -1, 30);

    public X509Certificate2 DeviceWithSubject(string subject) => Issue(subject, "1.3.6.1.5.5.7.3.2", null, -1, 30);

    /// <summary>What a request asks for, extension for extension, as PEM with the root behind it.</summary>
    public string IssueRequested(string csrPem)
    {
        var asked = CertificateRequest.LoadSigningRequestPem(csrPem, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        var serial = RandomNumberGenerator.GetBytes(12);
        serial[0] &= 0x7F;
        using var made = asked.Create(_root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30), serial);
        return made.ExportCertificatePem() + "\n" + Root.ExportCertificatePem() + "\n";
    }

    private X509Certificate2 Issue(string subject, string usage, X509Extension? names, int from, int to)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (names is not null) request.CertificateExtensions.Add(names);
        var serial = RandomNumberGenerator.GetBytes(12);
        serial[0] &= 0x7F;
        using var made = request.Create(_root, DateTimeOffset.UtcNow.AddDays(from), DateTimeOffset.UtcNow.AddDays(to), serial);
        return made.CopyWithPrivateKey(key);
    }
}
