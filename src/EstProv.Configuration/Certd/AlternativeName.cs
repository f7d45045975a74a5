using System.Net;
using System.Net.Sockets;
using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Certd;

/// <summary>GeneralName of RFC 5280 section 4.2.1.6, as far as hosts and modules have such names.</summary>
public enum AlternativeNameKind
{
    /// <summary><c>host</c>: this machine's name and its addresses, as they are then.</summary>
    Host,
    Dns,
    Ip,
    Uri,
    Email,
}

/// <summary>An alternative name in OpenSSL's notation: <c>DNS:edge.example.com</c>, <c>IP:192.0.2.1</c>, <c>URI:urn:x</c>, <c>email:a@b</c>; or <c>host</c>.</summary>
/// <param name="Value">Empty for <see cref="AlternativeNameKind.Host"/>.</param>
public sealed record AlternativeName(AlternativeNameKind Kind, string Value)
{
    internal const string Form = "\"host\", or one such as \"DNS:edge.example.com\", \"IP:192.0.2.1\", \"URI:urn:edge\" or \"email:edge@example.com\"";

    internal const string PatternForm = "\"*\", \"host\", or one such as \"DNS:*.example.com\", \"IP:192.0.2.0/24\", \"URI:*\" or \"email:*\"";

    private const string Host = "host";
    private const string Anything = "*";

    private static readonly string[] Kinds = ["DNS", "IP", "URI", "email"];

    public override string ToString() => Kind switch
    {
        AlternativeNameKind.Host => Host,
        AlternativeNameKind.Dns => $"DNS:{Value}",
        AlternativeNameKind.Ip => $"IP:{Value}",
        AlternativeNameKind.Uri => $"URI:{Value}",
        _ => $"email:{Value}",
    };

    /// <summary>What <see cref="Check"/> has found right; null for anything else, and for <c>*</c>.</summary>
    public static AlternativeName? Parse(string text)
    {
        if (text == Host) return new AlternativeName(AlternativeNameKind.Host, "");
        var colon = text.IndexOf(':');
        if (colon < 0) return null;
        AlternativeNameKind? kind = text[..colon].ToUpperInvariant() switch
        {
            "DNS" => AlternativeNameKind.Dns,
            "IP" => AlternativeNameKind.Ip,
            "URI" => AlternativeNameKind.Uri,
            "EMAIL" => AlternativeNameKind.Email,
            _ => null,
        };
        return kind is { } known ? new AlternativeName(known, text[(colon + 1)..]) : null;
    }

    /// <summary>What is wrong with a name that certificates get.</summary>
    internal static Fault? Check(string text)
    {
        if (Parse(text) is not { } name) return Unknown(text);
        return name.Kind switch
        {
            AlternativeNameKind.Host => null,
            AlternativeNameKind.Ip => IPAddress.TryParse(name.Value, out _) ? null
                : new Fault("is no IP address", "such as IP:192.0.2.1 or IP:2001:db8::1"),
            AlternativeNameKind.Uri => Uri.TryCreate(name.Value, UriKind.Absolute, out _) ? Ascii(name.Value)
                : new Fault("is no absolute URI", "such as URI:urn:edge"),
            AlternativeNameKind.Email => name.Value.IndexOf('@') > 0 ? Ascii(name.Value)
                : new Fault("is no e-mail address", "such as email:edge@example.com"),
            _ => Dns(name.Value),
        };
    }

    /// <summary>What is wrong with a pattern that names are held against.</summary>
    internal static Fault? CheckPattern(string text)
    {
        if (text == Anything) return null;
        if (Parse(text) is not { } name) return Unknown(text);
        if (name.Kind == AlternativeNameKind.Host) return null;
        if (name.Value.Length == 0) return new Fault("has nothing behind its colon", "* stands for any characters");
        if (name.Kind != AlternativeNameKind.Ip || name.Value == Anything) return Ascii(name.Value);
        return IPAddress.TryParse(name.Value, out _) || IPNetwork.TryParse(name.Value, out _)
            ? null
            : new Fault("is no IP address and no network", "write IP:*, IP:192.0.2.1 or IP:192.0.2.0/24");
    }

    private static Fault Unknown(string text)
    {
        var kind = text[..Math.Max(0, text.IndexOf(':'))];
        if (kind.Length > 0 && NearestName.Find(kind, Kinds) is { } near) return new Fault("is of no kind that is known", $"did you mean {near}:?");
        if (kind.Length == 0 && IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetwork)
            return new Fault("does not say what kind of name it is", $"write IP:{text}");
        return kind.Length == 0 && Dns(text) is null
            ? new Fault("does not say what kind of name it is", $"write DNS:{text}")
            : new Fault("is of no kind that is known", "DNS:, IP:, URI: and email: are");
    }

    /// <summary>A host name (RFC 1123 section 2.1), its first label may be <c>*</c> (RFC 6125 section 6.4.3).</summary>
    private static Fault? Dns(string name)
    {
        var wrong = new Fault("is no host name", "letters, digits, dashes and dots; another script's name as xn--…");
        if (name.Length is 0 or > 253) return wrong;
        var rest = name.StartsWith("*.", StringComparison.Ordinal) ? name[2..] : name;
        foreach (var label in rest.Split('.'))
        {
            if (label.Length is 0 or > 63 || label[0] == '-' || label[^1] == '-') return wrong;
            foreach (var character in label)
            {
                if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '_')) return wrong;
            }
        }

        return null;
    }

    private static Fault? Ascii(string value)
    {
        foreach (var character in value)
        {
            if (!char.IsAscii(character)) return new Fault("has a character that is not ASCII (RFC 5280 section 4.2.1.6)",
                "write it in ASCII: %XX in a URI, xn--… in a host's name");
        }

        return null;
    }
}
