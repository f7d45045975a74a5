using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Certificates.Issuing;

namespace EstProv.Certificates.Tests.Support;

/// <summary>An operator who makes rescue files.</summary>
internal sealed class RescueSigner : IDisposable
{
    private readonly ECDsa _caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private RescueSigner(DateTimeOffset now, TimeSpan life)
    {
        Ca = SelfSigned("CN=Rescue CA", _caKey, now, ca: true);
        var request = new CertificateRequest("CN=Rescuer", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        using var certificate = request.Create(Ca, now - TimeSpan.FromDays(1), now + life, LocalMint.NewSerialNumber());
        Certificate = certificate.CopyWithPrivateKey(_key);
    }

    public X509Certificate2 Ca { get; }

    public X509Certificate2 Certificate { get; }

    public static RescueSigner At(DateTimeOffset now, TimeSpan? life = null) => new(now, life ?? TimeSpan.FromDays(3000));

    /// <summary>The text of a file for the test device, valid for a week.</summary>
    public static string Text(DateTimeOffset now, string allow = "bootstrap", string serial = "2027/1", string device = "Device: device-1", string more = "") => $"""
        EstProv-Rescue: 1
        Serial: {serial}
        {device}
        Not-Before: {now:yyyy-MM-ddTHH:mm:ssZ}
        Not-After: {now + TimeSpan.FromDays(7):yyyy-MM-ddTHH:mm:ssZ}
        Allow: {allow}
        {more}
        """.ReplaceLineEndings("\n");

    public byte[] Sign(string text) => Sign(text, Certificate);

    public static byte[] Sign(string text, X509Certificate2 signer, string digest = "2.16.840.1.101.3.4.2.1")
    {
        var message = new SignedCms(new ContentInfo(Encoding.UTF8.GetBytes(text)));
        message.ComputeSignature(new CmsSigner(SubjectIdentifierType.IssuerAndSerialNumber, signer) { DigestAlgorithm = new Oid(digest), IncludeOption = X509IncludeOption.EndCertOnly });
        return message.Encode();
    }

    public static X509Certificate2 SelfSigned(string name, ECDsa key, DateTimeOffset now, bool ca)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        if (ca) request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(now - TimeSpan.FromDays(1), now + TimeSpan.FromDays(3650));
    }

    public void Dispose()
    {
        Certificate.Dispose();
        Ca.Dispose();
        _key.Dispose();
        _caKey.Dispose();
    }
}
