using System.Buffers.Text;
using System.Text;

namespace EstProv.LocalApi.Client;

/// <summary>
/// A strict parser of answers with Content-Length (RFC 9112 section 4). Interim answers (1xx) are skipped.
/// </summary>
internal sealed class ReplyParser
{
    private const int MaxHead = 16 * 1024, MaxHeaders = 64, MaxBody = 4 * 1024 * 1024;
    private int _headLength;
    private int _contentLength;

    public int Status { get; private set; }

    public bool Close { get; private set; }

    public List<(string Name, string Value)> Headers { get; } = [];

    /// <summary>What the whole answer needs, as far as is known; 0 before its head is there.</summary>
    public int TotalLength => _headLength == 0 ? 0 : _headLength + _contentLength;

    public ReadOnlySpan<byte> Body(ReadOnlySpan<byte> data) => data.Slice(_headLength, _contentLength);

    /// <summary>True when the whole answer is there.</summary>
    /// <param name="skipped">How many bytes of interim answers stand before it.</param>
    /// <param name="wrong">What is malformed, in words; null when nothing is.</param>
    public bool Parse(ReadOnlySpan<byte> data, out int skipped, out string? wrong)
    {
        skipped = 0;
        wrong = null;
        while (_headLength == 0)
        {
            var end = data.IndexOf("\r\n\r\n"u8);
            if (end < 0)
            {
                if (data.Length > MaxHead) wrong = "its head is too large";
                return false;
            }

            wrong = end > MaxHead ? "its head is too large" : ParseHead(data[..(end + 2)]);
            if (wrong is not null) return false;
            if (Status is >= 100 and < 200)
            {
                skipped += end + 4;
                data = data[(end + 4)..];
                continue;
            }

            _headLength = end + 4;
        }

        return data.Length >= TotalLength;
    }

    private string? ParseHead(ReadOnlySpan<byte> head)
    {
        Headers.Clear();
        Close = false;
        _contentLength = -1;
        var lineEnd = head.IndexOf("\r\n"u8);
        var line = head[..lineEnd];
        if (line.Length < 12 || !line.StartsWith("HTTP/1.1 "u8) || (line.Length > 12 && line[12] != ' ')) return "it is not HTTP/1.1";
        if (!Utf8Parser.TryParse(line.Slice(9, 3), out int status, out var digits) || digits != 3 || status < 100) return "its status is malformed";
        Status = status;
        for (head = head[(lineEnd + 2)..]; !head.IsEmpty; head = head[(lineEnd + 2)..])
        {
            lineEnd = head.IndexOf("\r\n"u8);
            var colon = head[..lineEnd].IndexOf((byte)':');
            if (colon < 1 || head[0] is (byte)' ' or (byte)'\t' || Headers.Count == MaxHeaders) return "a header is malformed";
            var wrong = Note(head[..colon], head[(colon + 1)..lineEnd].Trim(" \t"u8));
            if (wrong is not null) return wrong;
        }

        if (_contentLength < 0 && status is not 204 && status >= 200) return "it has no Content-Length";
        _contentLength = Math.Max(_contentLength, 0);
        return null;
    }

    private string? Note(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (Ascii.EqualsIgnoreCase(name, "content-length"u8))
        {
            if (_contentLength >= 0 || value.ContainsAnyExceptInRange((byte)'0', (byte)'9') || !Utf8Parser.TryParse(value, out _contentLength, out _)) return "its Content-Length is malformed";
            if (_contentLength > MaxBody) return "its body is too large";
        }
        else if (Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8))
        {
            return "it has a Transfer-Encoding";
        }
        else if (Ascii.EqualsIgnoreCase(name, "connection"u8))
        {
            Close |= Ascii.EqualsIgnoreCase(value, "close"u8);
        }

        Headers.Add((Encoding.Latin1.GetString(name), Encoding.Latin1.GetString(value)));
        return null;
    }
}
