using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Certificates.Tests.Support;

/// <summary>Requests as callers make them, with a key of their own.</summary>
internal static class Csr
{
    public static (string Pem, ECDsa Key) Make(string subject, Action<CertificateRequest>? more = null, ECDsa? key = null)
    {
        key ??= ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        more?.Invoke(request);
        return (request.CreateSigningRequestPem(), key);
    }
}
