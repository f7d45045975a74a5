using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace EstProv.LocalApi.Server;

/// <summary>
/// The strict parser of a request's head (RFC 9112 sections 3 and 5), over bytes, without allocation: it keeps ranges into the head.
/// Reused from request to request.
/// </summary>
internal sealed class RequestHead(LocalServerOptions options)
{
    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private readonly HeaderRange[] _headers = new HeaderRange[options.MaxHeaders];

    public Range Method { get; private set; }

    /// <summary>Without the query, still percent-encoded.</summary>
    public Range Path { get; private set; }

    /// <summary>Without its '?'; empty when there is none.</summary>
    public Range Query { get; private set; }

    public int HeaderCount { get; private set; }

    public int ContentLength { get; private set; }

    public bool HasContentLength { get; private set; }

    public bool Close { get; private set; }

    public bool ExpectsContinue { get; private set; }

    public ReadOnlySpan<HeaderRange> Headers => _headers.AsSpan(0, HeaderCount);

    /// <summary>Whether a method or a header's name may hold it (RFC 9110 section 5.6.2).</summary>
    public static bool IsTokenByte(byte value) => TokenBytes.Contains(value);

    /// <param name="head">From the first byte up to and including the CR LF of the last header line, without the empty line.</param>
    public Refusal Parse(ReadOnlySpan<byte> head)
    {
        HeaderCount = 0;
        ContentLength = 0;
        HasContentLength = Close = ExpectsContinue = false;
        var end = head.IndexOf("\r\n"u8);
        if (end < 0) return Refusal.BadRequestLine;
        var refusal = ParseRequestLine(head[..end]);
        return refusal == Refusal.None ? ParseHeaders(head, end + 2) : refusal;
    }

    private Refusal ParseRequestLine(ReadOnlySpan<byte> line)
    {
        var methodEnd = line.IndexOf((byte)' ');
        if (methodEnd is < 1 or > 20 || line[..methodEnd].ContainsAnyExcept(TokenBytes)) return Refusal.BadRequestLine;
        var targetStart = methodEnd + 1;
        var targetLength = line[targetStart..].IndexOf((byte)' ');
        if (targetLength < 1) return Refusal.BadRequestLine;
        var version = line[(targetStart + targetLength + 1)..];
        if (!version.SequenceEqual("HTTP/1.1"u8))
        {
            var known = version.Length == 8 && version.StartsWith("HTTP/"u8) && version[5] is >= (byte)'0' and <= (byte)'9' && version[6] == '.' && version[7] is >= (byte)'0' and <= (byte)'9';
            return known ? Refusal.UnsupportedVersion : Refusal.BadRequestLine;
        }

        if (targetLength > options.MaxTargetBytes) return Refusal.TargetTooLong;
        var target = line.Slice(targetStart, targetLength);
        if (!IsGoodTarget(target)) return Refusal.BadTarget;
        var question = target.IndexOf((byte)'?');
        var pathEnd = targetStart + (question < 0 ? targetLength : question);
        Method = ..methodEnd;
        Path = targetStart..pathEnd;
        Query = (question < 0 ? pathEnd : pathEnd + 1)..(targetStart + targetLength);
        return Refusal.None;
    }

    private Refusal ParseHeaders(ReadOnlySpan<byte> head, int start)
    {
        var hosts = 0;
        while (start < head.Length)
        {
            var rest = head[start..];
            var length = rest.IndexOf("\r\n"u8);
            if (length < 0) return Refusal.BadHeader;
            var line = rest[..length];
            var colon = line.IndexOf((byte)':');
            // No name, a blank before the colon, and folded lines (RFC 9112 section 5.2) all fail here.
            if (colon < 1 || line[..colon].ContainsAnyExcept(TokenBytes)) return Refusal.BadHeader;
            var value = line[(colon + 1)..];
            if (HasControl(value)) return Refusal.BadHeader;
            if (HeaderCount == _headers.Length) return Refusal.TooManyHeaders;
            var valueStart = start + colon + 1 + (value.Length - value.TrimStart(" \t"u8).Length);
            value = value.Trim(" \t"u8);
            var name = line[..colon];
            _headers[HeaderCount++] = new HeaderRange(start, colon, valueStart, value.Length);
            var refusal = Note(name, value, ref hosts);
            if (refusal != Refusal.None) return refusal;
            start += length + 2;
        }

        return hosts == 1 ? Refusal.None : Refusal.BadHost;
    }

    /// <summary>The headers that rule how the message is read.</summary>
    private Refusal Note(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref int hosts)
    {
        switch (name.Length)
        {
            case 4 when Ascii.EqualsIgnoreCase(name, "host"u8):
                hosts++;
                break;
            case 6 when Ascii.EqualsIgnoreCase(name, "expect"u8):
                if (!Ascii.EqualsIgnoreCase(value, "100-continue"u8)) return Refusal.BadExpectation;
                ExpectsContinue = true;
                break;
            case 10 when Ascii.EqualsIgnoreCase(name, "connection"u8):
                Close |= HasToken(value, "close"u8);
                break;
            case 14 when Ascii.EqualsIgnoreCase(name, "content-length"u8):
                if (HasContentLength || value.Length is 0 or > 18 || value.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return Refusal.BadContentLength;
                if (!Utf8Parser.TryParse(value, out long length, out _)) return Refusal.BadContentLength;
                if (length > options.MaxBodyBytes) return Refusal.BodyTooLarge;
                HasContentLength = true;
                ContentLength = (int)length;
                break;
            case 17 when Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8):
                return Refusal.TransferEncoding;
        }

        return Refusal.None;
    }

    /// <summary>Origin form (RFC 9112 section 3.2.1) of visible ASCII, whose percent-encoding is well-formed UTF-8 without controls.</summary>
    private static bool IsGoodTarget(ReadOnlySpan<byte> target)
    {
        if (target[0] != '/' || target.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E) || target.Contains((byte)'#')) return false;
        if (!target.Contains((byte)'%')) return true;
        Span<byte> decoded = target.Length <= 1024 ? stackalloc byte[target.Length] : new byte[target.Length];
        return Percent.TryDecode(target, decoded, out var length) && Utf8.IsValid(decoded[..length]) && !HasControl(decoded[..length]) && !decoded[..length].Contains((byte)'\t');
    }

    private static bool HasControl(ReadOnlySpan<byte> value)
    {
        foreach (var b in value)
        {
            if (b is < 0x20 and not (byte)'\t' or 0x7F) return true;
        }

        return false;
    }

    private static bool HasToken(ReadOnlySpan<byte> list, ReadOnlySpan<byte> token)
    {
        while (true)
        {
            var comma = list.IndexOf((byte)',');
            if (Ascii.EqualsIgnoreCase((comma < 0 ? list : list[..comma]).Trim(" \t"u8), token)) return true;
            if (comma < 0) return false;
            list = list[(comma + 1)..];
        }
    }
}

/// <summary>Where a header's name and value stand in the head.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct HeaderRange(int NameStart, int NameLength, int ValueStart, int ValueLength);
