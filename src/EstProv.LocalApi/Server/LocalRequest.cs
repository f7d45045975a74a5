using System.Text;
using System.Text.Json;
using EstProv.Platform;

namespace EstProv.LocalApi.Server;

/// <summary>
/// A request as its handler sees it. The object and its <see cref="Body"/> are reused: both are valid until the handler returns.
/// </summary>
public sealed class LocalRequest
{
    private const int MaxJsonDepth = 8;
    private readonly RequestHead _head;
    private byte[] _buffer = [];
    private int _start;
    private string? _method;
    private string? _path;
    private string? _apiVersion;

    internal LocalRequest(LocalServerOptions options) => _head = new RequestHead(options);

    internal RequestHead Head => _head;

    internal Route? Matched { get; private set; }

    /// <summary>Whether the handler reads the body as JSON by itself, so that its JsonException means 422.</summary>
    internal bool ReadsJson { get; private set; }

    public string Method => _method ??= KnownMethod(MethodBytes);

    /// <summary>Without the query, as it was sent (percent-encoded).</summary>
    public string Path => _path ??= Encoding.ASCII.GetString(PathBytes);

    /// <summary>Empty on routes that take none.</summary>
    public string ApiVersion => _apiVersion ?? "";

    public string? ContentType => KnownMediaType(HeaderBytes("content-type"));

    public string? Accept => KnownMediaType(HeaderBytes("accept"));

    /// <summary>Empty when the request has none.</summary>
    public ReadOnlyMemory<byte> Body { get; private set; }

    /// <summary>The body has a key or a plaintext in it: it is zeroed once it is answered. To be set before the body is looked at.</summary>
    public bool Secret { get; set; }

    public PeerCredentials Peer { get; private set; }

    /// <summary>Set when the server stops, and, on routes that wait, when the client has gone.</summary>
    public CancellationToken Stopping { get; internal set; }

    internal ReadOnlySpan<byte> MethodBytes => Bytes(_head.Method);

    internal ReadOnlySpan<byte> PathBytes => Bytes(_head.Path);

    internal ReadOnlySpan<byte> QueryBytes => Bytes(_head.Query);

    /// <summary>The segment of the path that stands at <c>{name}</c> of the route's pattern, percent-decoded.</summary>
    public string Route(string name)
    {
        var index = Matched!.ParameterSegment(name);
        var path = PathBytes[1..];
        for (; index > 0; index--) path = path[(path.IndexOf((byte)'/') + 1)..];
        var end = path.IndexOf((byte)'/');
        return Decode(end < 0 ? path : path[..end]);
    }

    /// <summary>A parameter of the query, percent-decoded; null when it is not there.</summary>
    /// <exception cref="ProblemException"><c>bad_request</c>: it is there more than once.</exception>
    public string? Query(string name)
    {
        var count = FindQuery(name, out var value);
        if (count > 1) throw new ProblemException("bad_request", $"the query parameter {name} is given more than once", $"give {name} once", 400);
        return count == 0 ? null : Decode(value);
    }

    /// <summary>A header's value; null when it is not there. Of several of one name, the first.</summary>
    public string? Header(string name)
    {
        var value = HeaderBytes(name, out var found);
        return found ? Encoding.Latin1.GetString(value) : null;
    }

    /// <summary>The body as one JSON value.</summary>
    /// <param name="read">Makes it of the parsed body; its <see cref="JsonException"/> is answered 422.</param>
    /// <exception cref="ProblemException"><c>body_missing</c> 400; <c>bad_json</c> 422: not JSON, a wrong type, or a required field is missing.</exception>
    public T Json<T>(Func<JsonElement, T> read)
    {
        RequireBody();
        try
        {
            using var document = JsonDocument.Parse(Body, new JsonDocumentOptions { MaxDepth = MaxJsonDepth, AllowDuplicateProperties = false });
            return read(document.RootElement);
        }
        catch (JsonException cause)
        {
            throw BadJson(cause);
        }
    }

    /// <summary>A reader over the body, before its first token; what it throws is answered 422.</summary>
    /// <exception cref="ProblemException"><c>body_missing</c> 400.</exception>
    public Utf8JsonReader Json()
    {
        RequireBody();
        return new Utf8JsonReader(Body.Span, new JsonReaderOptions { MaxDepth = MaxJsonDepth });
    }

    private void RequireBody()
    {
        if (Body.IsEmpty) throw new ProblemException("body_missing", $"{Method} {Path} needs a JSON body", "send one, with Content-Length", 400);
        ReadsJson = true;
    }

    /// <summary>What to throw when the body lacks a field.</summary>
    public ProblemException MissingField(string name)
        => new("field_missing", $"the body of {Method} {Path} lacks the field '{name}'", $"add '{name}'", 422);

    internal ProblemException BadJson(JsonException? cause)
    {
        var where = cause?.Path is { Length: > 0 } path ? $" at {path}" : cause?.BytePositionInLine is { } position ? $" near line {cause.LineNumber + 1}, byte {position + 1}" : "";
        return new ProblemException("bad_json", $"the body of {Method} {Path} is not the JSON that is expected{where}",
            "correct it: a field is missing, has the wrong type, or the text is not JSON", 422, cause);
    }

    internal void Begin(byte[] buffer, int start, ReadOnlyMemory<byte> body, PeerCredentials peer)
    {
        _buffer = buffer;
        _start = start;
        _method = _path = _apiVersion = null;
        Body = body;
        Peer = peer;
        Matched = null;
        ReadsJson = false;
        Secret = false;
    }

    internal void Match(Route? route, string? apiVersion)
    {
        Matched = route;
        _apiVersion = apiVersion;
    }

    /// <summary>How often a query parameter is there, and its first value, still encoded.</summary>
    internal int FindQuery(string name, out ReadOnlySpan<byte> value)
    {
        var rest = QueryBytes;
        var count = 0;
        value = default;
        while (!rest.IsEmpty)
        {
            var end = rest.IndexOf((byte)'&');
            var pair = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            var equals = pair.IndexOf((byte)'=');
            if (!Ascii.Equals(equals < 0 ? pair : pair[..equals], name) || count++ > 0) continue;
            value = equals < 0 ? default : pair[(equals + 1)..];
        }

        return count;
    }

    private ReadOnlySpan<byte> Bytes(Range range)
        => _buffer.AsSpan(_start + range.Start.Value, range.End.Value - range.Start.Value);

    private ReadOnlySpan<byte> HeaderBytes(string name) => HeaderBytes(name, out _);

    private ReadOnlySpan<byte> HeaderBytes(string name, out bool found)
    {
        foreach (ref readonly var header in _head.Headers)
        {
            if (header.NameLength != name.Length || !Ascii.EqualsIgnoreCase(_buffer.AsSpan(_start + header.NameStart, header.NameLength), name)) continue;
            found = true;
            return _buffer.AsSpan(_start + header.ValueStart, header.ValueLength);
        }

        found = false;
        return default;
    }

    private static string Decode(ReadOnlySpan<byte> encoded)
    {
        if (!encoded.Contains((byte)'%')) return Encoding.ASCII.GetString(encoded);
        Span<byte> decoded = encoded.Length <= 1024 ? stackalloc byte[encoded.Length] : new byte[encoded.Length];
        return Percent.TryDecode(encoded, decoded, out var length) && System.Text.Unicode.Utf8.IsValid(decoded[..length])
            ? Encoding.UTF8.GetString(decoded[..length])
            : throw new ProblemException("bad_request", "the request's target is malformed", "percent-encode UTF-8", 400);
    }

    private static string KnownMethod(ReadOnlySpan<byte> method)
        => method.SequenceEqual("GET"u8) ? "GET"
            : method.SequenceEqual("POST"u8) ? "POST"
            : method.SequenceEqual("DELETE"u8) ? "DELETE"
            : method.SequenceEqual("PUT"u8) ? "PUT"
            : Encoding.ASCII.GetString(method);

    private static string? KnownMediaType(ReadOnlySpan<byte> type)
        => type.IsEmpty ? null
            : type.SequenceEqual("application/json"u8) ? "application/json"
            : type.SequenceEqual("application/octet-stream"u8) ? "application/octet-stream"
            : Encoding.Latin1.GetString(type);
}
