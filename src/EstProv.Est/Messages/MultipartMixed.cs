using System.Net.Http.Headers;
using System.Text;

namespace EstProv.Est.Messages;

/// <summary>multipart/mixed (RFC 2046 section 5.1) of an answer that is in memory whole. Strict: what is not as it should be is refused, not guessed at.</summary>
internal static class MultipartMixed
{
    private const int LongestBoundary = 70; // RFC 2046 section 5.1.1
    private const int LongestHeader = 1024;
    private const int MostHeaders = 16;

    /// <returns>The parts; null when it is not so, has more than <paramref name="most"/> of them, or breaks off.</returns>
    public static List<MimePart>? Read(ReadOnlySpan<byte> body, string? boundary, int most)
    {
        if (boundary is null || boundary.Length is 0 or > LongestBoundary || !Ascii.IsValid(boundary) || boundary.AsSpan().ContainsAny(" \"\r\n")) return null;
        var delimiter = Encoding.ASCII.GetBytes("--" + boundary);
        List<MimePart>? parts = null;
        var start = 0;
        var at = 0;
        while (at < body.Length)
        {
            var line = Line(body, at, out var next);
            if (line.StartsWith(delimiter))
            {
                var rest = line[delimiter.Length..].TrimEnd(" \t"u8);
                var isEnd = rest.SequenceEqual("--"u8);
                if (isEnd || rest.Length == 0)
                {
                    // What stands before the first delimiter is for readers of old.
                    if (parts is null) parts = [];
                    else if (parts.Count == most || Part(body[start..WithoutLineEnd(body, start, at)]) is not { } part) return null;
                    else parts.Add(part);
                    if (isEnd) return parts.Count > 0 ? parts : null;
                    start = next;
                }
            }

            at = next;
        }

        return null;
    }

    private static MimePart? Part(ReadOnlySpan<byte> part)
    {
        MediaTypeHeaderValue? type = null;
        string? header = null;
        var headers = 0;
        for (var at = 0; at < part.Length;)
        {
            var line = Line(part, at, out at);
            if (line.Length > LongestHeader || !Ascii.IsValid(line)) return null;
            // Continued (RFC 5322 section 2.2.3).
            if (line.Length > 0 && line[0] is (byte)' ' or (byte)'\t')
            {
                if (header is null || header.Length > LongestHeader) return null;
                header += Encoding.ASCII.GetString(line);
                continue;
            }

            if (header is not null && !Take(header, ref type)) return null;
            if (line.Length == 0) return type?.MediaType is { } name ? new MimePart(name.ToLowerInvariant(), Parameter(type, "smime-type"), part[at..].ToArray()) : null;
            if (++headers > MostHeaders) return null;
            header = Encoding.ASCII.GetString(line);
        }

        return null;
    }

    private static bool Take(string header, ref MediaTypeHeaderValue? type)
    {
        var colon = header.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0) return false;
        if (!header[..colon].Equals("Content-Type", StringComparison.OrdinalIgnoreCase)) return true;
        return type is null && MediaTypeHeaderValue.TryParse(header[(colon + 1)..].Trim(), out type);
    }

    private static string? Parameter(MediaTypeHeaderValue type, string name)
    {
        foreach (var parameter in type.Parameters)
        {
            if (parameter.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) return parameter.Value?.Trim('"').ToLowerInvariant();
        }

        return null;
    }

    /// <summary>Without its end, which is CR LF, or LF of servers that have their own mind.</summary>
    private static ReadOnlySpan<byte> Line(ReadOnlySpan<byte> text, int at, out int next)
    {
        var length = text[at..].IndexOf((byte)'\n');
        next = length < 0 ? text.Length : at + length + 1;
        var line = length < 0 ? text[at..] : text.Slice(at, length);
        return line.Length > 0 && line[^1] == '\r' ? line[..^1] : line;
    }

    /// <summary>The line end before a delimiter is the delimiter's.</summary>
    private static int WithoutLineEnd(ReadOnlySpan<byte> text, int start, int end)
    {
        if (end > start && text[end - 1] == '\n') end--;
        return end > start && text[end - 1] == '\r' ? end - 1 : end;
    }
}
