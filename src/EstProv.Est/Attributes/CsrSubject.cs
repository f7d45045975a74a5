using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Platform;

namespace EstProv.Est.Attributes;

/// <summary>Fills a template's subject. RDNs that the template does not have are not in the request (RFC 9908 section 3.4).</summary>
internal static class CsrSubject
{
    public static X500DistinguishedName Fill(IReadOnlyList<IReadOnlyList<CsrNamePart>> template, CsrWish wish, List<string> notes)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        var hasName = false;
        using (writer.PushSequence())
        {
            foreach (var relative in template)
            {
                var values = new List<(string Type, byte[] Value)>(relative.Count);
                foreach (var part in relative)
                {
                    hasName |= part.Type == CsrOids.CommonName;
                    if (ValueOf(part, wish, notes) is { } value) values.Add((part.Type, value));
                }

                if (values.Count > 0) WriteRelative(writer, values);
            }

            if (!hasName && wish.NameIsConfigured)
            {
                notes.Add($"the EST server's csrattrs have no common name; the configured one, '{wish.Name}', is asked for all the same");
                WriteRelative(writer, [(CsrOids.CommonName, NameOf(wish))]);
            }
        }

        var name = new X500DistinguishedName(writer.Encode());
        try
        {
            // It is decoded here for the first time; later on nothing expects that it cannot be.
            _ = name.Name;
            return name;
        }
        catch (CryptographicException cause)
        {
            throw new ProblemException("est_bad_csrattrs", "the EST server's csrattrs give a subject that is no name",
                "look into the EST server's configuration of csrattrs", 502, cause);
        }
    }

    private static byte[]? ValueOf(CsrNamePart part, CsrWish wish, List<string> notes)
    {
        if (part.Type == CsrOids.CommonName)
        {
            if (part.Value is null) return NameOf(wish);
            if (!wish.NameIsConfigured || TextOf(part.Value) == wish.Name) return part.Value;
            var given = Messages.PeerText.Clean(TextOf(part.Value) ?? "?");
            notes.Add($"the EST server's csrattrs give the common name '{given}'; the configured one, '{wish.Name}', is asked for");
            return NameOf(wish);
        }

        if (part.Value is not null) return part.Value;
        if (wish.KnownSubject is { } known && Find(known, part.Type) is { } value) return value;
        CsrAttributesUse.Miss(wish, notes, $"{CsrOids.Name(part.Type)} in the subject",
            "the certificate that is shown to the server must have it in its own subject, or the server must give its value");
        return null;
    }

    private static byte[] NameOf(CsrWish wish)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.WriteCharacterString(UniversalTagNumber.UTF8String, wish.Name);
        return writer.Encode();
    }

    private static void WriteRelative(AsnWriter writer, List<(string Type, byte[] Value)> values)
    {
        using (writer.PushSetOf())
        {
            foreach (var (type, value) in values)
            {
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(type);
                    writer.WriteEncodedValue(value);
                }
            }
        }
    }

    private static byte[]? Find(X500DistinguishedName name, string type)
    {
        var relatives = new AsnReader(name.RawData, AsnEncodingRules.DER, new AsnReaderOptions { SkipSetSortOrderVerification = true }).ReadSequence();
        while (relatives.HasData)
        {
            var relative = relatives.ReadSetOf();
            while (relative.HasData)
            {
                var part = relative.ReadSequence();
                if (part.ReadObjectIdentifier() == type) return part.ReadEncodedValue().ToArray();
            }
        }

        return null;
    }

    /// <summary>Null when it is no text.</summary>
    private static string? TextOf(byte[] value)
    {
        try
        {
            var reader = new AsnReader(value, AsnEncodingRules.DER);
            var tag = reader.PeekTag();
            return tag.TagClass == TagClass.Universal
                && (UniversalTagNumber)tag.TagValue is UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String
                    or UniversalTagNumber.T61String or UniversalTagNumber.BMPString
                ? reader.ReadCharacterString((UniversalTagNumber)tag.TagValue)
                : null;
        }
        catch (AsnContentException)
        {
            return null;
        }
    }
}
