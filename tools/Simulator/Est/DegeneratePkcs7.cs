using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Est;

/// <summary>
/// The certs-only answer (RFC 5272 section 4.1): SignedData with no content and no signer, its certificates in the order given, which
/// SignedCms would sort, being a DER SET.
/// </summary>
internal static class DegeneratePkcs7
{
    private const string SignedData = "1.2.840.113549.1.7.2";
    private const string Data = "1.2.840.113549.1.7.1";

    // ContentInfo SEQUENCE
    //   contentType OBJECT IDENTIFIER signedData
    //   [0] EXPLICIT SignedData SEQUENCE
    //     version INTEGER 1
    //     digestAlgorithms SET {}
    //     encapContentInfo SEQUENCE { OBJECT IDENTIFIER data }
    //     certificates [0] IMPLICIT SET OF Certificate
    //     signerInfos SET {}
    public static byte[] Encode(X509Certificate2Collection certificates)
    {
        // BER leaves the set's order alone; everything else is the same in DER.
        var writer = new AsnWriter(AsnEncodingRules.BER);
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(SignedData);
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            using (writer.PushSequence())
            {
                writer.WriteInteger(1);
                writer.PushSetOf();
                writer.PopSetOf();
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(Data);
                }

                using (writer.PushSetOf(new Asn1Tag(TagClass.ContextSpecific, 0)))
                {
                    foreach (var certificate in certificates)
                    {
                        writer.WriteEncodedValue(certificate.RawData);
                    }
                }

                writer.PushSetOf();
                writer.PopSetOf();
            }
        }

        return writer.Encode();
    }
}
