using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Messages;

/// <summary>The certs-only Simple PKI Response: PKCS#7 SignedData without signers (RFC 7030 section 4.1.3, RFC 5272 section 4.1).</summary>
internal static class CertsOnly
{
    private const string SignedData = "1.2.840.113549.1.7.2";
    private const int MostCertificates = 64;

    public static X509Certificate2Collection Decode(EstReply reply)
    {
        // smime-type is not looked at: GlobalSign's server leaves it out.
        if (reply.MediaType is not (null or "application/pkcs7-mime" or "application/x-pkcs7-mime"))
        {
            throw BadAnswer.Explain(reply, $"the answer is {PeerText.Clean(reply.MediaType)}, not application/pkcs7-mime",
                "something else than an EST server answers there, perhaps a portal or a proxy");
        }

        if (reply.Body.Length == 0) throw BadAnswer.Explain(reply, "the answer is empty");
        var der = Base64Body.Decode(reply.Body);
        if (der is null || der.Length == 0) throw BadAnswer.Explain(reply, "the answer is not base64");
        var certificates = DecodeMessage(der);
        if (certificates is null) throw BadAnswer.Explain(reply, "the answer is not PKCS#7");
        return certificates.Count switch
        {
            0 => throw BadAnswer.Explain(reply, "the PKCS#7 answer has no certificate in it"),
            > MostCertificates => throw BadAnswer.Explain(reply, $"the PKCS#7 answer has more than {MostCertificates} certificates in it"),
            _ => certificates,
        };
    }

    private static X509Certificate2Collection? DecodeMessage(byte[] der)
    {
        try
        {
            if (ContentInfo.GetContentType(der).Value != SignedData) return null;
            var message = new SignedCms();
            message.Decode(der);
            return message.Certificates;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
