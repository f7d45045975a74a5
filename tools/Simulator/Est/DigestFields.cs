namespace EstProv.Simulator.Est;

/// <summary>Reads <c>name=value</c> and <c>name="value"</c>, separated by commas (RFC 9110 section 11.2), as far as they are well formed.</summary>
internal static class DigestFields
{
    public static Dictionary<string, string> Read(string text)
    {
        var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var at = 0;
        while (at < text.Length)
        {
            var equals = text.IndexOf('=', at);
            if (equals < 0)
            {
                break;
            }

            var name = text[at..equals].Trim(' ', '\t', ',');
            fields[name] = Value(text, equals + 1, out at);
        }

        return fields;
    }

    private static string Value(string text, int start, out int end)
    {
        while (start < text.Length && text[start] is ' ' or '\t')
        {
            start++;
        }

        if (start >= text.Length || text[start] != '"')
        {
            var comma = text.IndexOf(',', start);
            end = comma < 0 ? text.Length : comma + 1;
            return text[start..(comma < 0 ? text.Length : comma)].Trim();
        }

        var value = new System.Text.StringBuilder();
        for (end = start + 1; end < text.Length && text[end] != '"'; end++)
        {
            if (text[end] == '\\' && end + 1 < text.Length)
            {
                end++;
            }

            value.Append(text[end]);
        }

        end = Math.Min(end + 1, text.Length);
        return value.ToString();
    }
}
