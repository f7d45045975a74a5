using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Attributes;

/// <summary>The subjectAltName that a server asks for; empty names in it are filled in (RFC 9908 section 3.4).</summary>
internal static class CsrAlternativeNames
{
    // GeneralName ::= CHOICE { …, rfc822Name [1], dNSName [2], directoryName [4] EXPLICIT, uniformResourceIdentifier [6], iPAddress [7], … }
    private const int Mail = 1, Dns = 2, Directory = 4, Uri = 6, Address = 7;
    private const int MostNames = 32;
    private const int LongestLabel = 63;

    private const string Hint = "the server must give the value, or not ask for it";

    /// <returns>Null where the request's own stay as they are.</returns>
    public static X509Extension? Provide(CsrExtension asked, CsrWish wish, List<string> notes)
    {
        if (wish.KeepsNames) return null;
        if (wish.Content.AlternativeNames is { } ours && (wish.NamesAreConfigured || asked.Value is null))
        {
            if (asked.Value is not null && !ours.RawData.AsSpan().SequenceEqual(asked.Value))
                notes.Add("the EST server's csrattrs give alternative names; the configured ones are asked for");
            return null;
        }

        var value = asked.Value is null ? Own(wish, notes) : Fill(asked.Value, wish, notes);
        // With an empty subject it must be critical (RFC 5280 section 4.2.1.6).
        return value is null ? null : new X509Extension(CsrOids.SubjectAlternativeName, value, asked.Critical ?? wish.Content.Subject.RawData.Length <= 2);
    }

    private static byte[]? Own(CsrWish wish, List<string> notes)
    {
        if (!IsHostName(wish.Name))
        {
            CsrAttributesUse.Miss(wish, notes, $"a subjectAltName, for which there is only the name '{wish.Name}', which is no host name", Hint);
            return null;
        }

        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence()) writer.WriteCharacterString(UniversalTagNumber.IA5String, wish.Name, Tag(Dns));
        return writer.Encode();
    }

    private static byte[]? Fill(byte[] value, CsrWish wish, List<string> notes)
    {
        try
        {
            var whole = new AsnReader(value, AsnEncodingRules.DER, new AsnReaderOptions { SkipSetSortOrderVerification = true });
            var names = whole.ReadSequence();
            whole.ThrowIfNotEmpty();
            var writer = new AsnWriter(AsnEncodingRules.DER);
            var count = 0;
            using (writer.PushSequence())
            {
                for (; names.HasData; count++)
                {
                    if (count == MostNames) throw new AsnContentException();
                    var tag = names.PeekTag();
                    var content = names.PeekContentBytes();
                    var isEmpty = content.Length == 0 || (tag.TagValue == Directory && content.Length == 2);
                    if (tag.TagClass != TagClass.ContextSpecific) throw new AsnContentException();
                    if (!isEmpty) writer.WriteEncodedValue(names.PeekEncodedValue().Span);
                    else if (!WriteOwn(writer, tag.TagValue, wish, notes)) count--;
                    names.ReadEncodedValue();
                }
            }

            return count > 0 ? writer.Encode() : null;
        }
        catch (AsnContentException)
        {
            CsrAttributesUse.Miss(wish, notes, "a subjectAltName that cannot be read", Hint);
            return null;
        }
    }

    private static bool WriteOwn(AsnWriter writer, int kind, CsrWish wish, List<string> notes)
    {
        switch (kind)
        {
            case Dns when IsHostName(wish.Name):
                writer.WriteCharacterString(UniversalTagNumber.IA5String, wish.Name, Tag(Dns));
                return true;
            case Address when wish.Address?.Invoke() is { } address:
                writer.WriteOctetString(address.GetAddressBytes(), Tag(Address));
                return true;
            case Directory when wish.Content.Subject.RawData.Length > 2:
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, Directory))) writer.WriteEncodedValue(wish.Content.Subject.RawData);
                return true;
            default:
                var what = kind switch
                {
                    Mail => "an rfc822Name",
                    Dns => $"a dNSName (the name '{wish.Name}' is no host name)",
                    Directory => "a directoryName",
                    Uri => "a uniformResourceIdentifier",
                    Address => "an iPAddress",
                    _ => $"a name of kind [{kind}]",
                };
                CsrAttributesUse.Miss(wish, notes, $"{what} in the subjectAltName", Hint);
                return false;
        }
    }

    /// <summary>Letters, digits and hyphens (RFC 1123 section 2.1).</summary>
    private static bool IsHostName(string name)
    {
        foreach (var range in name.AsSpan().Split('.'))
        {
            var label = name.AsSpan(range);
            if (label.Length is 0 or > LongestLabel || label[0] == '-' || label[^1] == '-') return false;
            foreach (var letter in label)
            {
                if (!char.IsAsciiLetterOrDigit(letter) && letter != '-') return false;
            }
        }

        return true;
    }

    private static Asn1Tag Tag(int kind) => new(TagClass.ContextSpecific, kind);
}
