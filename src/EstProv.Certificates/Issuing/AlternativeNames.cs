using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Certd;

namespace EstProv.Certificates.Issuing;

/// <summary>
/// SubjectAltName (RFC 5280 section 4.2.1.6): GeneralNames ::= SEQUENCE OF GeneralName, of which rfc822Name [1], dNSName [2] and uniformResourceIdentifier [6] are
/// IA5String, iPAddress [7] is OCTET STRING of 4 or 16 bytes.
/// </summary>
internal static class AlternativeNames
{
    public const string Oid = "2.5.29.17";

    private const int EmailTag = 1, DnsTag = 2, UriTag = 6, IpTag = 7;

    /// <summary>The extension for configured names; null when they come to nothing, such as <c>host</c> on a machine with neither name nor address.</summary>
    public static X509Extension? Write(IReadOnlyList<AlternativeName> names, HostNames host)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        var written = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        using (writer.PushSequence())
        {
            foreach (var name in names)
            {
                if (name.Kind == AlternativeNameKind.Host) WriteHost(writer, host, written);
                else Write(writer, name, written);
            }
        }

        return written.Count == 0 ? null : new X509Extension(Oid, writer.Encode(), critical: false);
    }

    /// <summary>The names in an extension; null in the place of one of another kind.</summary>
    /// <exception cref="AsnContentException">It is none.</exception>
    public static List<AlternativeName?> Read(ReadOnlyMemory<byte> extension)
    {
        var names = new List<AlternativeName?>();
        var reader = new AsnReader(extension, AsnEncodingRules.DER);
        var sequence = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        while (sequence.HasData)
        {
            var tag = sequence.PeekTag();
            names.Add(tag.TagClass != TagClass.ContextSpecific ? Skip(sequence) : tag.TagValue switch
            {
                EmailTag => new AlternativeName(AlternativeNameKind.Email, Text(sequence, EmailTag)),
                DnsTag => new AlternativeName(AlternativeNameKind.Dns, Text(sequence, DnsTag)),
                UriTag => new AlternativeName(AlternativeNameKind.Uri, Text(sequence, UriTag)),
                IpTag => Address(sequence.ReadOctetString(Context(IpTag))),
                _ => Skip(sequence),
            });
        }

        return names;
    }

    private static void WriteHost(AsnWriter writer, HostNames host, HashSet<string> written)
    {
        if (host.Name.Length > 0 && IsAscii(host.Name)) Write(writer, new AlternativeName(AlternativeNameKind.Dns, host.Name), written);
        foreach (var address in host.Addresses) Write(writer, new AlternativeName(AlternativeNameKind.Ip, address.ToString()), written);
    }

    private static void Write(AsnWriter writer, AlternativeName name, HashSet<string> written)
    {
        if (!written.Add(name.ToString())) return;
        switch (name.Kind)
        {
            case AlternativeNameKind.Ip:
                writer.WriteOctetString(IPAddress.Parse(name.Value).GetAddressBytes(), Context(IpTag));
                break;
            case AlternativeNameKind.Uri:
                writer.WriteCharacterString(UniversalTagNumber.IA5String, name.Value, Context(UriTag));
                break;
            case AlternativeNameKind.Email:
                writer.WriteCharacterString(UniversalTagNumber.IA5String, name.Value, Context(EmailTag));
                break;
            default:
                writer.WriteCharacterString(UniversalTagNumber.IA5String, name.Value, Context(DnsTag));
                break;
        }
    }

    private static string Text(AsnReader reader, int tag) => reader.ReadCharacterString(UniversalTagNumber.IA5String, Context(tag));

    private static AlternativeName? Address(byte[] bytes) =>
        bytes.Length is 4 or 16 ? new AlternativeName(AlternativeNameKind.Ip, new IPAddress(bytes).ToString()) : null;

    private static AlternativeName? Skip(AsnReader reader)
    {
        reader.ReadEncodedValue();
        return null;
    }

    private static Asn1Tag Context(int tag) => new(TagClass.ContextSpecific, tag);

    private static bool IsAscii(string text)
    {
        foreach (var character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '.' or '_')) return false;
        }

        return true;
    }
}
