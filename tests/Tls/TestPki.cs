using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Tls.Tests;

/// <summary>A root, an intermediate, and leaves for a server and a client.</summary>
internal sealed class TestPki
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddHours(-1);
    private static readonly DateTimeOffset Until = DateTimeOffset.UtcNow.AddHours(2);
    private readonly X509Certificate2 _intermediateWithKey;

    public TestPki()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Authority("CN=Test Root", rootKey).CreateSelfSigned(From, Until);
        Root = X509CertificateLoader.LoadCertificate(root.RawData);

        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Intermediate = Authority("CN=Test Intermediate", key).Create(root, From, Until, [1, 2]);
        _intermediateWithKey = Intermediate.CopyWithPrivateKey(key);

        using var serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Server = Leaf("CN=localhost", new PublicKey(serverKey)).CopyWithPrivateKey(serverKey);
    }

    public X509Certificate2 Root { get; }

    public X509Certificate2 Intermediate { get; }

    public X509Certificate2 Server { get; }

    public X509Certificate2 Leaf(string subject, PublicKey key)
    {
        var request = new CertificateRequest(new X500DistinguishedName(subject), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        return request.Create(_intermediateWithKey.SubjectName, X509SignatureGenerator.CreateForECDsa(_intermediateWithKey.GetECDsaPrivateKey()!),
            From, Until, RandomNumberGenerator.GetBytes(8));
    }

    public X509Certificate2Collection Chain(string subject, byte[] publicKey) =>
        [Leaf(subject, PublicKey.CreateFromSubjectPublicKeyInfo(publicKey, out _)), Intermediate];

    private static CertificateRequest Authority(string subject, ECDsa key)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request;
    }
}
