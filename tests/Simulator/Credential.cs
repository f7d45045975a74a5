using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Tests;

/// <summary>A certificate with key, and the intermediates that its owner sends along.</summary>
internal sealed class Credential(X509Certificate2 certificate, params X509Certificate2[] intermediates)
{
    public X509Certificate2 Certificate => certificate;

    public SslStreamCertificateContext Context() => SslStreamCertificateContext.Create(certificate, new X509Certificate2Collection(intermediates), offline: true);

    /// <summary>A leaf that this CA certificate mints, as a device does on its own.</summary>
    public Credential Mint(string name, DateTimeOffset now, bool sendAuthority = true)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = CertificateMaker.Request(new X500DistinguishedName("CN=" + name), key);
        CertificateMaker.AddEndEntityExtensions(request, server: false, client: true);
        using var leaf = CertificateMaker.Sign(request, new Authority("device", certificate, null), now - TimeSpan.FromMinutes(1), now + TimeSpan.FromDays(1));
        return sendAuthority
            ? new Credential(leaf.CopyWithPrivateKey(key), X509CertificateLoader.LoadCertificate(certificate.RawData))
            : new Credential(leaf.CopyWithPrivateKey(key));
    }
}
