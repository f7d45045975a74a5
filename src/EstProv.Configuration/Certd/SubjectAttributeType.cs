using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Certd;

/// <summary>How an attribute's value is encoded (RFC 5280 appendix A.1).</summary>
public enum SubjectEncoding
{
    Utf8,
    Printable,
    Ia5,
}

/// <summary>An attribute that a subject may have.</summary>
/// <param name="Name">As OpenSSL and RFC 4514 write it.</param>
/// <param name="Longest">Its upper bound in characters, RFC 5280 appendix A.1; of <c>DC</c> a DNS label's.</param>
public sealed record SubjectAttributeType(string Name, string Oid, int Longest, SubjectEncoding Encoding = SubjectEncoding.Utf8)
{
    public const string CommonName = "2.5.4.3";

    private const string Country = "2.5.4.6";

    private static readonly SubjectAttributeType[] All =
    [
        new("CN", CommonName, 64),
        new("C", Country, 2, SubjectEncoding.Printable),
        new("ST", "2.5.4.8", 128),
        new("L", "2.5.4.7", 128),
        new("street", "2.5.4.9", 128),
        new("O", "2.5.4.10", 64),
        new("OU", "2.5.4.11", 64),
        new("DC", "0.9.2342.19200300.100.1.25", 63, SubjectEncoding.Ia5),
        new("UID", "0.9.2342.19200300.100.1.1", 256),
        new("SN", "2.5.4.4", 64),
        new("GN", "2.5.4.42", 64),
        new("title", "2.5.4.12", 64),
        new("serialNumber", "2.5.4.5", 64, SubjectEncoding.Printable),
        new("dnQualifier", "2.5.4.46", 64, SubjectEncoding.Printable),
        new("emailAddress", "1.2.840.113549.1.9.1", 255, SubjectEncoding.Ia5),
    ];

    /// <summary>By name in either case, or by dotted OID, of which any is taken.</summary>
    public static SubjectAttributeType? Find(string name)
    {
        foreach (var known in All)
        {
            if (known.Name.Equals(name, StringComparison.OrdinalIgnoreCase) || known.Oid == name) return known;
        }

        return IsOid(name) ? new SubjectAttributeType(name, name, 256) : null;
    }

    internal static IEnumerable<string> Names
    {
        get
        {
            foreach (var known in All) yield return known.Name;
        }
    }

    /// <summary>What is wrong with a value, else null.</summary>
    internal Fault? Check(string value)
    {
        if (Oid == Country && (value.Length != 2 || !char.IsAsciiLetter(value[0]) || !char.IsAsciiLetter(value[1])))
            return new Fault("is no country", "two letters, such as DE (ISO 3166)");
        if (value.Length > Longest) return new Fault($"is longer than the {Longest} characters that {Name} takes (RFC 5280)", "shorten it");
        foreach (var character in value)
        {
            var isAllowed = Encoding switch
            {
                SubjectEncoding.Printable => char.IsAsciiLetterOrDigit(character) || " '()+,-./:=?".Contains(character, StringComparison.Ordinal),
                SubjectEncoding.Ia5 => char.IsAscii(character),
                _ => true,
            };
            if (!isAllowed) return new Fault($"has a character that {Name} does not take (RFC 5280)",
                Encoding == SubjectEncoding.Printable
                    ? "A to Z, a to z, digits, spaces and ' ( ) + , - . / : = ? are taken"
                    : "write it in ASCII");
        }

        return null;
    }

    /// <summary>X.660: arcs without leading zeros, the first 0 to 2.</summary>
    private static bool IsOid(string name)
    {
        var arcs = name.Split('.');
        if (arcs.Length < 2 || arcs[0] is not ("0" or "1" or "2")) return false;
        foreach (var arc in arcs)
        {
            if (arc.Length is 0 or > 9 || (arc.Length > 1 && arc[0] == '0')) return false;
            foreach (var character in arc)
            {
                if (!char.IsAsciiDigit(character)) return false;
            }
        }

        return arcs[0] == "2" || int.Parse(arcs[1], System.Globalization.CultureInfo.InvariantCulture) < 40;
    }
}
