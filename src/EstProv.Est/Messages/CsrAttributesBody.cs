using System.Formats.Asn1;

namespace EstProv.Est.Messages;

/// <summary>CsrAttrs ::= SEQUENCE SIZE (0..MAX) OF AttrOrOID (RFC 7030 section 4.5.2).</summary>
internal static class CsrAttributesBody
{
    /// <returns>The DER, null for none.</returns>
    public static byte[]? Decode(EstReply reply)
    {
        var der = Base64Body.Decode(reply.Body);
        if (der is { Length: 0 }) return null;
        if (reply.MediaType is not (null or "application/csrattrs"))
        {
            throw BadAnswer.Explain(reply, $"the answer is {PeerText.Clean(reply.MediaType)}, not application/csrattrs");
        }

        if (der is null) throw BadAnswer.Explain(reply, "the answer is not base64");
        try
        {
            var whole = new AsnReader(der, AsnEncodingRules.BER);
            var hasAny = whole.ReadSequence().HasData;
            whole.ThrowIfNotEmpty();
            return hasAny ? der : null;
        }
        catch (AsnContentException)
        {
            throw BadAnswer.Explain(reply, "the answer is no ASN.1 sequence of attributes");
        }
    }
}
