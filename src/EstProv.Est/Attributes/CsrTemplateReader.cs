using System.Formats.Asn1;

namespace EstProv.Est.Attributes;

/// <summary>CertificationRequestInfoTemplate (RFC 9908 section 3.4 and appendix A).</summary>
/// <remarks>
/// <code>
/// CertificationRequestInfoTemplate ::= SEQUENCE {
///   version       INTEGER { v1(0) },
///   subject       SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY OPTIONAL } OPTIONAL,
///   subjectPKInfo [0] IMPLICIT SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING OPTIONAL } OPTIONAL,
///   attributes    [1] IMPLICIT SET OF Attribute }
/// </code>
/// </remarks>
internal static class CsrTemplateReader
{
    private const int MostNameParts = 32;
    private const int BitsOfAByte = 8;

    private static readonly Asn1Tag KeyTag = new(TagClass.ContextSpecific, 0, isConstructed: true);
    private static readonly Asn1Tag AttributesTag = new(TagClass.ContextSpecific, 1, isConstructed: true);

    /// <param name="values">The attribute's values: exactly one.</param>
    /// <exception cref="AsnContentException">It has another form.</exception>
    public static CsrAttributes Read(AsnReader values)
    {
        var template = values.ReadSequence();
        values.ThrowIfNotEmpty();
        if (!template.TryReadInt32(out var version) || version != 0) throw new AsnContentException();
        var subject = template.HasData && template.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence) ? ReadName(template.ReadSequence()) : null;
        var key = template.HasData && template.PeekTag().HasSameClassAndValue(KeyTag) ? ReadKey(template.ReadSequence(KeyTag)) : null;
        var builder = new CsrAttributesBuilder();
        var attributes = template.ReadSetOf(AttributesTag);
        template.ThrowIfNotEmpty();
        while (attributes.HasData)
        {
            var attribute = attributes.ReadSequence();
            builder.AddAttribute(attribute.ReadObjectIdentifier(), attribute.ReadSetOf());
            attribute.ThrowIfNotEmpty();
        }

        var read = builder.Build();
        return read with { IsTemplate = true, Subject = subject, Keys = key is null ? read.Keys : [key] };
    }

    private static List<IReadOnlyList<CsrNamePart>> ReadName(AsnReader name)
    {
        var parts = 0;
        var read = new List<IReadOnlyList<CsrNamePart>>();
        while (name.HasData)
        {
            var set = name.ReadSetOf();
            var relative = new List<CsrNamePart>();
            while (set.HasData)
            {
                if (parts++ == MostNameParts) throw new AsnContentException();
                var part = set.ReadSequence();
                var type = part.ReadObjectIdentifier();
                relative.Add(new CsrNamePart(type, part.HasData ? part.ReadEncodedValue().ToArray() : null));
                part.ThrowIfNotEmpty();
            }

            if (relative.Count == 0) throw new AsnContentException();
            read.Add(relative);
        }

        return read;
    }

    private static CsrKeyDemand ReadKey(AsnReader key)
    {
        var algorithm = key.ReadSequence();
        var oid = algorithm.ReadObjectIdentifier();
        var placeholder = key.HasData ? key.ReadBitString(out _) : null;
        key.ThrowIfNotEmpty();
        switch (oid)
        {
            case CsrOids.RsaEncryption:
                return placeholder is null ? CsrOids.AnyRsa : CsrOids.Rsa(ModulusBits(placeholder));
            case CsrOids.EcPublicKey:
                if (!algorithm.HasData) return CsrOids.AnyCurve;
                // ECParameters ::= CHOICE { namedCurve OBJECT IDENTIFIER, … } (RFC 5480 section 2.1.1).
                return algorithm.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier)
                    ? CsrOids.Curve(algorithm.ReadObjectIdentifier())
                    : new CsrKeyDemand("id-ecPublicKey with a curve that has no name", []);
            default:
                return CsrOids.OtherKey(oid) ?? new CsrKeyDemand($"the key type {oid}", []);
        }
    }

    /// <summary>RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 appendix A.1.1), of which only the length means something.</summary>
    private static int ModulusBits(byte[] placeholder)
    {
        var modulus = new AsnReader(placeholder, AsnEncodingRules.DER).ReadSequence().ReadIntegerBytes().Span;
        return (modulus[0] == 0 ? modulus.Length - 1 : modulus.Length) * BitsOfAByte;
    }
}
