using EstProv.LocalApi.Server;
using EstProv.LocalApi.Tests.Support;

namespace EstProv.LocalApi.Tests.Server;

public sealed class MalformedRequestTests
{
    private const string Good = "?api-version=2020-09-01 HTTP/1.1\r\n";
    private static readonly string LongToken = new('a', 5000);
    private TestServer _server = null!;

    public static IEnumerable<TestCaseData> Malformed()
    {
        var body = "\r\n\r\n{}";
        yield return Case("a TLS hello", "\u0016\u0003\u0001\u0002\0", 400, "bad_request-line");
        yield return Case("an empty line first", $"\r\nGET /plain{Good}Host: x\r\n\r\n", 400);
        yield return Case("no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", 400);
        yield return Case("no version", "GET /plain\r\nHost: x\r\n\r\n", 400);
        yield return Case("two blanks", $"GET  /plain{Good}Host: x\r\n\r\n", 400);
        yield return Case("a blank at the end", "GET /plain HTTP/1.1 \r\nHost: x\r\n\r\n", 400);
        yield return Case("a tab for a blank", "GET\t/plain HTTP/1.1\r\nHost: x\r\n\r\n", 400);
        yield return Case("a blank in the target", $"GET /pl ain{Good}Host: x\r\n\r\n", 400);
        yield return Case("a method that is no token", $"G(T /plain{Good}Host: x\r\n\r\n", 400);
        yield return Case("a method without end", new string('G', 8000), 414);
        yield return Case("HTTP/1.0", "GET /plain?api-version=2020-09-01 HTTP/1.0\r\nHost: x\r\n\r\n", 505, "http_version");
        yield return Case("HTTP/2.0", "GET /plain HTTP/2.0\r\nHost: x\r\n\r\n", 505);
        yield return Case("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
        yield return Case("http/1.1 in small letters", "GET /plain http/1.1\r\nHost: x\r\n\r\n", 400);
        yield return Case("HTTP/1.1x", "GET /plain HTTP/1.1x\r\nHost: x\r\n\r\n", 400);
        yield return Case("an absolute target", $"GET http://x/plain{Good}Host: x\r\n\r\n", 400, "bad_request-target");
        yield return Case("an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400);
        yield return Case("a fragment", $"GET /plain#x{Good}Host: x\r\n\r\n", 400);
        yield return Case("a NUL in the target", $"GET /pl\0ain{Good}Host: x\r\n\r\n", 400);
        yield return Case("raw bytes above ASCII in the target", $"GET /pl\u00E9ain{Good}Host: x\r\n\r\n", 400);
        yield return Case("half a percent-encoding", $"GET /plain%4{Good}Host: x\r\n\r\n", 400);
        yield return Case("a percent-encoding that is not hexadecimal", $"GET /plain%zz{Good}Host: x\r\n\r\n", 400);
        yield return Case("percent-encoded UTF-8 that is cut off", $"GET /%C3{Good}Host: x\r\n\r\n", 400);
        yield return Case("overlong UTF-8", $"GET /%C0%AF{Good}Host: x\r\n\r\n", 400);
        yield return Case("a surrogate in UTF-8", $"GET /%ED%A0%80{Good}Host: x\r\n\r\n", 400);
        yield return Case("a percent-encoded tab", $"GET /a%09b{Good}Host: x\r\n\r\n", 400);
        yield return Case("a first line that is too long, in a head that is not complete", $"GET /plain {LongToken}\r\n", 414);
        yield return Case("a percent-encoded NUL", $"GET /a%00b{Good}Host: x\r\n\r\n", 400);
        yield return Case("bad UTF-8 in the query", "GET /plain?api-version=2020-09-01&x=%FF HTTP/1.1\r\nHost: x\r\n\r\n", 400);
        yield return Case("a long target", $"GET /{LongToken}{Good}Host: x\r\n\r\n", 414, "target_too_long");
        yield return Case("a long target without end", $"GET /{LongToken}", 414);
        yield return Case("large headers", $"GET /plain{Good}Host: x\r\nA: {LongToken}\r\nB: {LongToken}\r\nC: {LongToken}\r\nD: {LongToken}\r\n\r\n", 431, "head_too_large");
        yield return Case("large headers without end", $"GET /plain{Good}Host: x\r\nA: {LongToken}{LongToken}{LongToken}{LongToken}", 431);
        yield return Case("65 headers", $"GET /plain{Good}Host: x\r\n{string.Concat(Enumerable.Repeat("A: b\r\n", 64))}\r\n", 431, "head_too_large-count");
        yield return Case("bare line feeds", "GET /plain?api-version=2020-09-01 HTTP/1.1\nHost: x\n\n", 400, "bad_request-header");
        yield return Case("a bare line feed among headers", $"GET /plain{Good}Host: x\nA: b\r\n\r\n", 400);
        yield return Case("a bare carriage return", $"GET /plain{Good}Host: x\rA: b\r\n\r\n", 400);
        yield return Case("a NUL in a header", $"GET /plain{Good}Host: x\0y\r\n\r\n", 400);
        yield return Case("a control character in a header", $"GET /plain{Good}Host: x\u0007\r\n\r\n", 400);
        yield return Case("a folded header", $"GET /plain{Good}Host: x\r\n y\r\n\r\n", 400);
        yield return Case("a blank before the colon", $"GET /plain{Good}Host : x\r\n\r\n", 400);
        yield return Case("a header without name", $"GET /plain{Good}Host: x\r\n: y\r\n\r\n", 400);
        yield return Case("a header without colon", $"GET /plain{Good}Host: x\r\nnothing\r\n\r\n", 400);
        yield return Case("no Host", $"GET /plain{Good}A: b\r\n\r\n", 400, "bad_request-host");
        yield return Case("no header at all", $"GET /plain{Good}\r\n", 400);
        yield return Case("two Hosts", $"GET /plain{Good}Host: x\r\nHost: x\r\n\r\n", 400);
        yield return Case("two equal Content-Lengths", $"POST /echo{Good}Host: x\r\nContent-Length: 2\r\nContent-Length: 2{body}", 400, "bad_request-content-length");
        yield return Case("a list of Content-Lengths", $"POST /echo{Good}Host: x\r\nContent-Length: 2, 2{body}", 400);
        yield return Case("a negative Content-Length", $"POST /echo{Good}Host: x\r\nContent-Length: -2{body}", 400);
        yield return Case("a signed Content-Length", $"POST /echo{Good}Host: x\r\nContent-Length: +2{body}", 400);
        yield return Case("a hexadecimal Content-Length", $"POST /echo{Good}Host: x\r\nContent-Length: 0x2{body}", 400);
        yield return Case("an empty Content-Length", $"POST /echo{Good}Host: x\r\nContent-Length:{body}", 400);
        yield return Case("a Content-Length of 30 digits", $"POST /echo{Good}Host: x\r\nContent-Length: 000000000000000000000000000002{body}", 400);
        yield return Case("a Content-Length beyond int", $"POST /echo{Good}Host: x\r\nContent-Length: 4294967298{body}", 413);
        yield return Case("a body that is too large", $"POST /echo{Good}Host: x\r\nContent-Length: 65537\r\n\r\n{LongToken}", 413, "body_too_large");
        yield return Case("chunked", $"POST /echo{Good}Host: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n", 501, "transfer_encoding");
        yield return Case("chunked and a length", $"POST /echo{Good}Host: x\r\nContent-Length: 2\r\nTransfer-Encoding: identity{body}", 501);
        yield return Case("an unknown expectation", $"POST /echo{Good}Host: x\r\nExpect: magic\r\nContent-Length: 2{body}", 417, "expectation_failed");
    }

    [OneTimeSetUp]
    public void Start() => _server = new TestServer().Start();

    [OneTimeTearDown]
    public void Stop() => _server.Dispose();

    [TestCaseSource(nameof(Malformed))]
    public void Is_refused_with_a_clear_answer_and_the_connection_is_closed(string text, int status, string? shown)
    {
        using var client = _server.Connect();
        var answer = client.TrySend(text).Read();
        Assert.Multiple(() =>
        {
            Assert.That(answer.Status, Is.EqualTo(status));
            Assert.That(answer.Header("Connection"), Is.EqualTo("close"));
            Assert.That(answer.Body, Does.StartWith("{\"message\":\"").And.Contain("\"code\":\""));
            Assert.That(client.IsClosed());
        });
        if (shown is not null) Told.Shown(shown, answer);
    }

    [Test]
    public void Damaged_requests_never_upset_the_parser()
    {
        var random = new Random(20201);
        var seeds = Malformed().Select(one => (string)one.Arguments[0]!).Append(RawClient.Post("/echo", "{}", "Connection: a, close ,b\r\nExpect: 100-continue\r\n")).ToArray();
        var head = new RequestHead(new LocalServerOptions { SocketPath = "x" });
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = System.Text.Encoding.Latin1.GetBytes(seeds[random.Next(seeds.Length)]);
            for (var changes = random.Next(4); changes >= 0 && bytes.Length > 0; changes--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0) bytes = bytes[..random.Next(bytes.Length + 1)];
            if (head.Parse(bytes) != Refusal.None) continue;
            // Whatever is accepted lies within what was sent.
            Assert.That(head.Query.End.Value, Is.LessThanOrEqualTo(bytes.Length));
            foreach (var header in head.Headers) Assert.That(header.ValueStart + header.ValueLength, Is.LessThanOrEqualTo(bytes.Length));
        }
    }

    /// <param name="name">Of the case.</param>
    /// <param name="text">What is sent.</param>
    /// <param name="status">What it is answered with.</param>
    /// <param name="shown">The file of tests/Messages that has the answer.</param>
    private static TestCaseData Case(string name, string text, int status, string? shown = null)
        => new TestCaseData(text, status, shown).SetArgDisplayNames(name);
}
