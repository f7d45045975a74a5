using System.Formats.Asn1;

namespace EstProv.Est.Attributes;

/// <summary>
/// Reads CsrAttrs strictly: what is known must have the form that the RFCs give it, what is not known is ignored, and everything has a bound.
/// </summary>
/// <remarks>
/// <code>
/// CsrAttrs ::= SEQUENCE SIZE (0..MAX) OF AttrOrOID                      RFC 7030 section 4.5.2
/// AttrOrOID ::= CHOICE { oid OBJECT IDENTIFIER, attribute Attribute }
/// Attribute ::= SEQUENCE { type OBJECT IDENTIFIER, values SET OF ANY }
/// </code>
/// </remarks>
internal static class CsrAttributesReader
{
    private const int LargestAttributes = 16 * 1024;
    private const int MostItems = 64;

    private static readonly AsnReaderOptions Options = new() { SkipSetSortOrderVerification = true };

    /// <exception cref="AsnContentException">It has another form, or is too much.</exception>
    public static CsrAttributes Read(byte[] der)
    {
        if (der.Length > LargestAttributes) throw new AsnContentException();
        var whole = new AsnReader(der, AsnEncodingRules.DER, Options);
        var list = whole.ReadSequence();
        whole.ThrowIfNotEmpty();
        var legacy = new CsrAttributesBuilder();
        CsrAttributes? template = null;
        for (var items = 0; list.HasData; items++)
        {
            if (items == MostItems) throw new AsnContentException();
            if (list.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier))
            {
                legacy.AddOid(list.ReadObjectIdentifier());
                continue;
            }

            var attribute = list.ReadSequence();
            var type = attribute.ReadObjectIdentifier();
            var values = attribute.ReadSetOf();
            attribute.ThrowIfNotEmpty();
            if (type != CsrOids.RequestTemplate) legacy.AddAttribute(type, values);
            else if (template is null) template = CsrTemplateReader.Read(values);
            else throw new AsnContentException();
        }

        return (template ?? legacy.Build()) with { Der = der };
    }
}
