using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Tests;

/// <summary>A new key and a request for a certificate of it.</summary>
internal sealed class EnrollOrder : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public EnrollOrder(string subject, string? dnsName = null, bool wantsAuthority = false)
    {
        var request = new CertificateRequest(subject, _key, HashAlgorithmName.SHA256);
        if (dnsName is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(dnsName);
            request.CertificateExtensions.Add(names.Build());
        }

        if (wantsAuthority)
        {
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        }

        Der = request.CreateSigningRequest();
    }

    public byte[] Der { get; }

    public byte[] Spki => _key.ExportSubjectPublicKeyInfo();

    public string Body => Convert.ToBase64String(Der, Base64FormattingOptions.InsertLineBreaks) + "\n";

    public X509Certificate2 WithKey(X509Certificate2 certificate) => certificate.CopyWithPrivateKey(_key);

    public void Dispose() => _key.Dispose();
}
