using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est;

namespace EstProv.Certificates.Issuing;

/// <summary>What a request of ours asks for that was sent before, perhaps by the process before this one.</summary>
internal static class SentRequest
{
    private const string SubjectAlternativeName = "2.5.29.17";

    /// <returns>Null when it cannot be read.</returns>
    public static CertificateRequestContent? ContentOf(byte[] csr)
    {
        try
        {
            var request = CertificateRequest.LoadSigningRequest(csr, HashAlgorithmName.SHA256,
                CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions | CertificateRequestLoadOptions.SkipSignatureValidation);
            X509Extension? names = null;
            var given = new List<X509Extension>();
            foreach (var extension in request.CertificateExtensions)
            {
                if (extension.Oid?.Value == SubjectAlternativeName) names = extension;
                else given.Add(extension);
            }

            return new CertificateRequestContent { Subject = request.SubjectName, AlternativeNames = names, Given = given };
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
