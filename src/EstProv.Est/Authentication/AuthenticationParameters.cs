using System.Text;

namespace EstProv.Est.Authentication;

/// <summary>The parameters of a challenge (RFC 9110 section 11.2): <c>name=token</c> or <c>name="quoted"</c>, with commas between them.</summary>
internal static class AuthenticationParameters
{
    private const int Longest = 4096;

    /// <returns>Names in lower case; null when it cannot be read, or a name stands there twice.</returns>
    public static Dictionary<string, string>? Read(string? text)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        if (text is null || text.Length > Longest) return null;
        var at = 0;
        while (true)
        {
            while (at < text.Length && text[at] is ' ' or '\t' or ',') at++;
            if (at == text.Length) return parameters;
            var start = at;
            while (at < text.Length && IsToken(text[at])) at++;
            var name = text[start..at].ToLowerInvariant();
            SkipBlanks(text, ref at);
            if (name.Length == 0 || at == text.Length || text[at++] != '=') return null;
            SkipBlanks(text, ref at);
            if (Value(text, ref at) is not { } value || !parameters.TryAdd(name, value)) return null;
            SkipBlanks(text, ref at);
            if (at < text.Length && text[at] != ',') return null;
        }
    }

    /// <summary>A quoted string, with what has to be escaped in it (RFC 9110 section 5.6.4).</summary>
    public static string Quote(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string? Value(string text, ref int at)
    {
        var start = at;
        if (at == text.Length || text[at] != '"')
        {
            while (at < text.Length && IsToken(text[at])) at++;
            return at > start ? text[start..at] : null;
        }

        var value = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] == '"')
            {
                at++;
                return value.ToString();
            }

            if (text[at] == '\\' && ++at == text.Length) return null;
            // What is not ASCII could not be sent back as it came.
            if (text[at] is < ' ' or > '~') return null;
            value.Append(text[at]);
        }

        return null;
    }

    private static void SkipBlanks(string text, ref int at)
    {
        while (at < text.Length && text[at] is ' ' or '\t') at++;
    }

    private static bool IsToken(char character) => char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character);
}
