using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using EstProv.Platform;

namespace EstProv.LocalApi.Server;

/// <summary>
/// The answer that a handler makes; reused from request to request. Nothing is sent before the handler returns, so that one that fails
/// half-way still answers with its error.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The writer holds memory only, and lives as long as its thread.")]
public sealed class LocalResponse
{
    private const int MaxExtraHeaders = 768, LongestContentType = 128;
    private const string JsonType = "application/json";

    // Not for HTML: '+' and '/' of base64 stay readable, and C clients need no \u.
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly ResponseBuffer _buffer = new();
    private readonly byte[] _extra = new byte[MaxExtraHeaders];
    private readonly Utf8JsonWriter _writer;
    private int _extraLength;
    private bool _writing;

    internal LocalResponse() => _writer = new Utf8JsonWriter(_buffer, WriterOptions);

    public int Status { get; set; } = 200;

    /// <summary>The body has a key in it: what holds it is zeroed once it is sent. To be set before the body is written.</summary>
    public bool Secret
    {
        get => _buffer.Secret;
        set => _buffer.Secret = value;
    }

    /// <exception cref="ArgumentException">Set to more than 128 characters, or to others than visible ASCII and blanks.</exception>
    public string ContentType
    {
        get;
        set => field = value.Length <= LongestContentType && !value.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? value
            : throw new ArgumentException("not a media type", nameof(value));
    } = JsonType;

    /// <summary>Write the body here, or use one of the methods below.</summary>
    public IBufferWriter<byte> Body => _buffer;

    /// <summary>Adds a header. Content-Type, Content-Length and Connection are the server's own.</summary>
    /// <exception cref="ArgumentException">A character that is not visible ASCII or a blank, or headers of more than 768 bytes.</exception>
    public void Header(string name, string value)
    {
        var length = name.Length + value.Length + 4;
        if (name.AsSpan().ContainsAnyExceptInRange('!', '~') || value.AsSpan().ContainsAnyExceptInRange(' ', '~')) throw new ArgumentException("a header has a bad character", nameof(value));
        if (_extraLength + length > _extra.Length) throw new ArgumentException("the headers are too long", nameof(value));
        var span = _extra.AsSpan(_extraLength);
        Encoding.ASCII.GetBytes(name, span);
        ": "u8.CopyTo(span[name.Length..]);
        Encoding.ASCII.GetBytes(value, span[(name.Length + 2)..]);
        "\r\n"u8.CopyTo(span[(length - 2)..]);
        _extraLength += length;
    }

    /// <summary>A writer for the body, flushed by the server; what was written before is dropped.</summary>
    public Utf8JsonWriter Json()
    {
        _buffer.Clear();
        _writer.Reset();
        _writing = true;
        ContentType = JsonType;
        return _writer;
    }

    /// <summary>The body is these bytes.</summary>
    public void Bytes(ReadOnlySpan<byte> body, string contentType)
    {
        _buffer.Clear();
        _writing = false;
        ContentType = contentType;
        _buffer.Write(body);
    }

    /// <summary>204, without a body.</summary>
    public void NoContent()
    {
        _buffer.Clear();
        _writing = false;
        Status = 204;
    }

    /// <summary>304, without a body: the client has it already. Its ETag is to be set besides (RFC 9110 section 15.4.5).</summary>
    public void NotModified()
    {
        NoContent();
        Status = 304;
    }

    /// <summary>Puts out what the JSON writer holds.</summary>
    internal void Flush()
    {
        if (_writing) _writer.Flush();
    }

    /// <summary>After the answer was sent.</summary>
    internal void End()
    {
        if (!Secret) return;
        _buffer.Wipe();
        Secret = false;
    }

    internal void Begin()
    {
        End();
        Status = 200;
        ContentType = JsonType;
        _extraLength = 0;
        _writing = false;
        _buffer.Clear();
    }

    /// <summary>The answer for an error: <c>{"message", "hint", "code"}</c>, and Retry-After where it is known.</summary>
    internal void Problem(int status, string code, string message, string hint, TimeSpan? retryAfter = null)
    {
        Begin();
        Status = status;
        if (retryAfter is { } wait) Header("Retry-After", Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture));
        var json = Json();
        json.WriteStartObject();
        json.WriteString("message"u8, message);
        json.WriteString("hint"u8, hint);
        json.WriteString("code"u8, code);
        json.WriteEndObject();
    }

    internal void Problem((int Status, string Code, string Message, string Hint) refusal)
        => Problem(refusal.Status, refusal.Code, refusal.Message, refusal.Hint, refusal.Status == 503 ? TimeSpan.FromSeconds(1) : null);

    internal void Problem(ProblemException problem)
        => Problem(problem.Status is >= 400 and <= 599 ? problem.Status : 500, problem.Code, problem.Message, problem.Hint, problem.RetryAfter);

    /// <summary>Head and body in one piece.</summary>
    internal ReadOnlySpan<byte> Finish(bool close, bool bodyWanted)
    {
        Flush();
        var noContent = Status is 204 or 304;
        var head = _buffer.HeadRoom;
        var length = 0;
        Append(head, ref length, StatusLine(Status));
        if (!noContent)
        {
            Append(head, ref length, "Content-Type: "u8);
            length += Encoding.ASCII.GetBytes(ContentType, head[length..]);
            Append(head, ref length, "\r\nContent-Length: "u8);
            Utf8Formatter.TryFormat(_buffer.Length, head[length..], out var digits);
            length += digits;
            Append(head, ref length, "\r\n"u8);
        }

        Append(head, ref length, _extra.AsSpan(0, _extraLength));
        Append(head, ref length, close ? "Connection: close\r\n\r\n"u8 : "\r\n"u8);
        return _buffer.Join(length, bodyWanted && !noContent);
    }

    private static void Append(Span<byte> head, ref int length, ReadOnlySpan<byte> text)
    {
        text.CopyTo(head[length..]);
        length += text.Length;
    }

    private static ReadOnlySpan<byte> StatusLine(int status) => status switch
    {
        200 => "HTTP/1.1 200 OK\r\n"u8,
        201 => "HTTP/1.1 201 Created\r\n"u8,
        202 => "HTTP/1.1 202 Accepted\r\n"u8,
        204 => "HTTP/1.1 204 No Content\r\n"u8,
        304 => "HTTP/1.1 304 Not Modified\r\n"u8,
        400 => "HTTP/1.1 400 Bad Request\r\n"u8,
        401 => "HTTP/1.1 401 Unauthorized\r\n"u8,
        403 => "HTTP/1.1 403 Forbidden\r\n"u8,
        404 => "HTTP/1.1 404 Not Found\r\n"u8,
        408 => "HTTP/1.1 408 Request Timeout\r\n"u8,
        409 => "HTTP/1.1 409 Conflict\r\n"u8,
        422 => "HTTP/1.1 422 Unprocessable Content\r\n"u8,
        500 => "HTTP/1.1 500 Internal Server Error\r\n"u8,
        503 => "HTTP/1.1 503 Service Unavailable\r\n"u8,
        413 => "HTTP/1.1 413 Content Too Large\r\n"u8,
        414 => "HTTP/1.1 414 URI Too Long\r\n"u8,
        417 => "HTTP/1.1 417 Expectation Failed\r\n"u8,
        431 => "HTTP/1.1 431 Request Header Fields Too Large\r\n"u8,
        501 => "HTTP/1.1 501 Not Implemented\r\n"u8,
        502 => "HTTP/1.1 502 Bad Gateway\r\n"u8,
        504 => "HTTP/1.1 504 Gateway Timeout\r\n"u8,
        505 => "HTTP/1.1 505 HTTP Version Not Supported\r\n"u8,
        507 => "HTTP/1.1 507 Insufficient Storage\r\n"u8,
        // The phrase may be empty, but not its blank (RFC 9112 section 4).
        _ => Encoding.ASCII.GetBytes($"HTTP/1.1 {status} \r\n"),
    };
}
