using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Certd;

/// <summary>HTTP headers that an operator may add (RFC 9110 sections 5.1 and 5.5).</summary>
internal static class HeaderFields
{
    private const string TokenCharacters = "!#$%&'*+-.^_`|~";

    // What the client sets itself, and what would let one request become two.
    private static readonly string[] Ours =
    [
        "Host", "Content-Length", "Content-Type", "Content-Transfer-Encoding", "Transfer-Encoding", "Connection", "Authorization", "Accept", "User-Agent",
    ];

    public static Fault? CheckName(string name)
    {
        foreach (var character in name)
        {
            if (!char.IsAsciiLetterOrDigit(character) && !TokenCharacters.Contains(character, StringComparison.Ordinal))
                return new Fault("is no name of an HTTP header", "letters, digits and dashes, such as X-Tenant");
        }

        foreach (var ours in Ours)
        {
            if (ours.Equals(name, StringComparison.OrdinalIgnoreCase))
                return new Fault("is a header that the EST client sets itself",
                    ours == "Authorization" ? "use username and password_file" : "take it away");
        }

        return null;
    }

    public static Fault? CheckValue(string value)
    {
        foreach (var character in value)
        {
            if (character is < ' ' or > '~') return new Fault("has a character that a header does not take");
        }

        return null;
    }
}
