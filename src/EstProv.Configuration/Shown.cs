using System.Text;

namespace EstProv.Configuration;

/// <summary>How values of a file are quoted in messages: short, on one line, and with nothing secret in them.</summary>
internal static class Shown
{
    private const int Longest = 80;
    private const string Hidden = "…";

    /// <summary>A value in quotes.</summary>
    public static string Value(string value) => $"\"{Plain(value)}\"";

    /// <summary>A value without quotes; control characters are escaped, secrets masked, and a long one is cut.</summary>
    public static string Plain(string value)
    {
        var masked = Mask(value);
        var text = new StringBuilder();
        foreach (var rune in masked.EnumerateRunes())
        {
            if (text.Length >= Longest)
            {
                text.Append('…');
                break;
            }

            if (Rune.IsControl(rune)) text.Append($"\\u{rune.Value:X4}");
            else text.Append(rune.ToString());
        }

        return text.ToString();
    }

    /// <summary>A dotted key; parts that are not bare keys stand in quotes, and long ones are cut.</summary>
    public static string Key(string path, string name)
    {
        var part = !IsBare(name) ? Value(name) : name.Length <= Longest ? name : name[..Longest] + "…";
        return path.Length == 0 ? part : $"{path}.{part}";
    }

    /// <summary>
    /// Replaces what may be secret: the query of a PKCS#11 URI (RFC 7512, section 2.4: pin-value stands there), a pin-value wherever it
    /// stands by mistake, and the user information of a URL.
    /// </summary>
    private static string Mask(string value)
    {
        if (value.StartsWith("pkcs11:", StringComparison.OrdinalIgnoreCase) && value.IndexOf('?') is >= 0 and var query)
        {
            value = value[..(query + 1)] + Hidden;
        }

        if (value.IndexOf("pin", StringComparison.OrdinalIgnoreCase) is >= 0 and var pin
            && value.IndexOf('=', pin) is > 0 and var equals)
        {
            value = value[..(equals + 1)] + Hidden;
        }

        if (value.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme && value.LastIndexOf('@') is var at && at > scheme)
        {
            value = value[..(scheme + 3)] + Hidden + value[at..];
        }

        return value;
    }

    private static bool IsBare(string name)
    {
        foreach (var character in name)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '_')) return false;
        }

        return name.Length > 0;
    }
}
