using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Messages;

/// <summary>The answer to /serverkeygen (RFC 7030 section 4.4.2): multipart/mixed of a private key and a certificate, in either order.</summary>
internal static class ServerKeyAnswer
{
    public static EstEnrollment.IssuedWithKey Decode(EstReply reply, bool encrypted)
    {
        if (reply.MediaType != "multipart/mixed")
        {
            throw BadAnswer.Explain(reply, $"the answer is {PeerText.Clean(reply.MediaType ?? "of no media type")}, not multipart/mixed");
        }

        if (MultipartMixed.Read(reply.Body, reply.Boundary, 2) is not { Count: 2 } parts) throw BadAnswer.Explain(reply, "the answer is no multipart/mixed of two parts");
        var (key, certificates) = IsKey(parts[0]) ? (parts[0], parts[1]) : (parts[1], parts[0]);
        if (!IsKey(key) || IsKey(certificates)) throw BadAnswer.Explain(reply, "the answer is not one private key and one certificate");
        var isEncrypted = key.MediaType != "application/pkcs8";
        if (isEncrypted != encrypted)
        {
            throw BadAnswer.Explain(reply, encrypted ? "the private key is not encrypted, which was asked for" : "the private key is encrypted, which was not asked for",
                encrypted ? "this key has been seen by whoever reads the connection at the server's side: do not use it" : "name the key that it is to be encrypted for");
        }

        if (Base64Body.Decode(key.Body) is not { Length: > 0 } der) throw BadAnswer.Explain(reply, "the private key is not base64");
        return new EstEnrollment.IssuedWithKey(Certificates(reply, certificates), der, isEncrypted);
    }

    private static bool IsKey(MimePart part) => part.MediaType == "application/pkcs8"
        || (part.MediaType is "application/pkcs7-mime" or "application/x-pkcs7-mime" && part.SmimeType is "server-generated-key" or "enveloped-data");

    private static X509Certificate2Collection Certificates(EstReply reply, MimePart part) =>
        LeafFirst.Order(CertsOnly.Decode(reply with { MediaType = part.MediaType, Body = part.Body }));
}
