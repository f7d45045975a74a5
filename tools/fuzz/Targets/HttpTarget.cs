using System.Text;
using System.Text.Json;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Fuzz.Targets;

/// <summary>
/// The server's reading of requests: bytes as they come from a socket, in one piece and cut in two. Both must come to the same.
/// </summary>
internal sealed class HttpTarget : FuzzTarget
{
    // Small, so that inputs of a few kilobytes reach them.
    private static readonly LocalServerOptions Options = new()
    {
        SocketPath = "/run/fuzz",
        MaxTargetBytes = 512,
        MaxHeadBytes = 3072,
        MaxHeaders = 16,
        MaxBodyBytes = 6000,
    };

    private readonly LocalRequest _request = new(Options);
    private readonly RequestReader _reader;
    private readonly RouteTable _routes = new();
    private readonly Refusals _refusals;

    public HttpTarget()
    {
        _reader = new RequestReader(Options, TimeProvider.System, _request);
        _refusals = new Refusals(Options, _routes);
        foreach (var (method, pattern) in (ReadOnlySpan<(string, string)>)[("GET", "/keypair/{id}"), ("POST", "/sign"), ("DELETE", "/credentials/{id}/next")])
        {
            _routes.Add(new Route(method, pattern, ["2020-09-01", "2021-05-01"], static (_, _) => { }, new RouteOptions(), Options.RequestDeadline));
        }

        _routes.Add(new Route("GET", "/metrics", [], static (_, _) => { }, new RouteOptions(), Options.RequestDeadline));
    }

    public override IReadOnlyList<string> Words =>
    [
        "GET ", "POST ", "PUT ", "DELETE ", "HEAD ", "OPTIONS ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "\r\n", "\r\n\r\n", "\n", "\r", "\0", "/", "?", "&", "#",
        "/keypair/a", "/sign", "/credentials/a/next", "/metrics", "?api-version=2020-09-01", "api-version=2021-05-01", "spki=", "%41", "%00", "%C3%A9", "%C0%AF", "%", "Host: x\r\n", "Host",
        "Content-Length: 0\r\n", "Content-Length: 2\r\n", "Content-Length: 6000\r\n", "Content-Length: 6001\r\n", "Content-Length: 18446744073709551616\r\n", "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n", "Connection: close\r\n", "Connection: keep-alive, close\r\n", "Content-Type: application/json\r\n",
        "Content-Type: application/octet-stream\r\n", "Accept: */*\r\n", " : ", ":", "\t", " x", "{\"a\":[1,\"\\ud800\"]}", "{}", "\u00E9",
    ];

    public override int LongestInput => 12 * 1024;

    public override void Execute(byte[] input)
    {
        var whole = Read(input, [], out var wholeRefused);
        var cut = (int)(Hash(input) % (uint)(input.Length + 1));
        var parts = Read(input.AsSpan(0, cut), input.AsSpan(cut), out var partsRefused);
        Promise(wholeRefused == partsRefused, $"cut at {cut} the input is {(partsRefused ? "refused" : "taken")}, in one piece it is not");
        Promise(whole.Count == parts.Count, $"cut at {cut} there are {parts.Count} requests, in one piece {whole.Count}");
        for (var i = 0; i < whole.Count; i++) Promise(whole[i] == parts[i], $"cut at {cut} request {i} is another");
    }

    private List<string> Read(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out bool refused)
    {
        using var pair = new SocketPair();
        var connection = new Connection(pair.Far, 1, new PeerCredentials(1000, 1000, 1), new Caller(1000));
        var requests = new List<string>();
        _reader.Reset();
        pair.Write(first);
        if (!second.IsEmpty)
        {
            refused = false;
            if (!Take(connection, requests, ref refused, mayPause: true)) return requests;
            pair.Write(second);
        }

        pair.EndWriting();
        refused = false;
        _ = Take(connection, requests, ref refused, mayPause: false);
        return requests;
    }

    /// <summary>Reads what is there; false when the connection is done.</summary>
    private bool Take(Connection connection, List<string> requests, ref bool refused, bool mayPause)
    {
        while (true)
        {
            switch (_reader.Read(connection, wait: false))
            {
                case ReadOutcome.Request:
                    requests.Add(Describe());
                    _reader.Consume();
                    break;
                case ReadOutcome.Partial when !mayPause:
                    break;
                case ReadOutcome.Partial or ReadOutcome.Idle:
                    return true;
                case ReadOutcome.Refused:
                    Promise(_reader.Refusal != Refusal.None, "a refusal has a reason");
                    Promise(_refusals.Describe(_reader.Refusal).Status is >= 400 and < 600, "a refusal has a status");
                    refused = true;
                    return false;
                default:
                    return false;
            }
        }
    }

    /// <summary>Everything that a handler could ask of the request.</summary>
    private string Describe()
    {
        var head = _request.Head;
        var text = new StringBuilder(_request.Method).Append(' ').Append(_request.Path);
        Promise(_request.Path[0] == '/', "a path begins with a slash");
        foreach (ref readonly var header in head.Headers) text.Append(' ').Append(header.NameStart).Append(':').Append(header.ValueLength);
        var refusal = _routes.Find(_request);
        text.Append(' ').Append(refusal).Append(' ').Append(_request.ApiVersion).Append(' ').Append(head.Close).Append(head.ExpectsContinue);
        if (_request.Matched is { } route && route.Name.Contains("{id}", StringComparison.Ordinal))
        {
            var id = _request.Route("id");
            Promise(id.Length > 0 && !id.AsSpan().ContainsAnyInRange('\0', '\x1F'), "a parameter has text without controls");
            text.Append(' ').Append(id);
        }

        try
        {
            text.Append(' ').Append(_request.Query("spki"));
        }
        catch (ProblemException problem)
        {
            Promise(problem.Status == 400, "a bad query is 400");
        }

        text.Append(' ').Append(_request.ContentType).Append(_request.Accept).Append(_request.Header("host"));
        Promise(_request.Body.Length == head.ContentLength && head.ContentLength <= Options.MaxBodyBytes, "the body has the length that was announced");
        text.Append(' ').Append(Convert.ToHexString(_request.Body.Span));
        ReadJson(text);
        return text.ToString();
    }

    private void ReadJson(StringBuilder text)
    {
        if (_request.Body.IsEmpty) return;
        try
        {
            text.Append(_request.Json(static json => json.ValueKind));
        }
        catch (ProblemException problem)
        {
            Promise(problem.Status == 422, "bad JSON is 422");
        }

        try
        {
            var json = _request.Json();
            while (json.Read()) Promise(json.CurrentDepth <= 8, "JSON is not deeper than allowed");
        }
        catch (JsonException)
        {
            text.Append('!');
        }
    }

    private static uint Hash(byte[] input)
    {
        var hash = 2166136261u;
        foreach (var one in input) hash = (hash ^ one) * 16777619;
        return hash;
    }
}
