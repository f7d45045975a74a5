using System.Buffers.Text;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Certd;

namespace EstProv.Certificates.Issuing;

/// <summary>
/// The subject that a certificate of ours is asked for with, as one line to be kept with it: a common name as it stands, a subject of several
/// attributes as <c>dn:</c> and its DER in base64url.
/// </summary>
internal static class RequestedNames
{
    private const string Prefix = "dn:";

    /// <param name="subject">The configured one; null for a common name alone.</param>
    /// <param name="commonName">Taken where the configured one has none; put at its end.</param>
    public static string Of(IReadOnlyList<SubjectField>? subject, string commonName)
    {
        if (subject is null) return commonName;
        return Prefix + Base64Url.EncodeToString(Encode(subject, commonName).RawData);
    }

    /// <summary>The subject of several attributes; null where the name is a common name alone.</summary>
    public static X500DistinguishedName? SubjectOf(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) || !Base64Url.IsValid(name.AsSpan(Prefix.Length))) return null;
        try
        {
            var subject = new X500DistinguishedName(Base64Url.DecodeFromChars(name.AsSpan(Prefix.Length)));
            foreach (var _ in subject.EnumerateRelativeDistinguishedNames()) break;
            return subject;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>The common name in it; null when it has none.</summary>
    public static string? CommonNameIn(string name)
    {
        if (SubjectOf(name) is not { } subject) return name;
        foreach (var part in subject.EnumerateRelativeDistinguishedNames(reversed: false))
        {
            if (!part.HasMultipleElements && part.GetSingleElementType().Value == SubjectAttributeType.CommonName) return part.GetSingleElementValue();
        }

        return null;
    }

    /// <summary>RDNSequence (RFC 5280 section 4.1.2.4) in the configuration's order, one attribute each.</summary>
    public static X500DistinguishedName Encode(IReadOnlyList<SubjectField> subject, string? commonName = null)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        var hasName = false;
        using (writer.PushSequence())
        {
            foreach (var field in subject)
            {
                hasName |= field.Oid == SubjectAttributeType.CommonName;
                Write(writer, field);
            }

            if (!hasName && commonName is not null) Write(writer, new SubjectField(SubjectAttributeType.CommonName, commonName));
        }

        return new X500DistinguishedName(writer.Encode());
    }

    // SET OF AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value DirectoryString or what the type wants }
    private static void Write(AsnWriter writer, SubjectField field)
    {
        using (writer.PushSetOf())
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(field.Oid);
            writer.WriteCharacterString(SubjectAttributeType.Find(field.Oid)?.Encoding switch
            {
                SubjectEncoding.Printable => UniversalTagNumber.PrintableString,
                SubjectEncoding.Ia5 => UniversalTagNumber.IA5String,
                _ => UniversalTagNumber.UTF8String,
            }, field.Value);
        }
    }
}
