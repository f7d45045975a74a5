using EstProv.LocalApi.Tests.Support;
using EstProv.Platform;

namespace EstProv.LocalApi.Tests.Server;

public sealed class RoutingTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public void Start()
    {
        _server = new TestServer(static options => options with { Version = "1.2.3" });
        _server.Map("GET", "/keypair/{id}", (request, response) => response.Bytes(System.Text.Encoding.UTF8.GetBytes($"{request.Route("id")}|{request.Query("spki")}|{request.ApiVersion}"), "text/plain"));
        _server.Map("GET", "/keypair/{id}/next/{other}", (request, response) => response.Bytes(System.Text.Encoding.UTF8.GetBytes($"{request.Route("id")}+{request.Route("other")}"), "text/plain"));
        _server.Map("DELETE", "/keypair", (_, response) => response.NoContent());
        _server.Map("GET", "/refused", (_, _) => throw new ProblemException("forbidden", "user 7 is not authorized", "list it", 401));
        _server.Map("GET", "/later", (_, _) => throw new ProblemException("token_gone", "no token", "", 503) { RetryAfter = TimeSpan.FromSeconds(2.5) });
        _server.Map("GET", "/broken", (_, response) =>
        {
            response.Json().WriteStartObject();
            throw new InvalidOperationException("secret 1234");
        });
        _server.Server.Map("GET", "/newer", ["2021-05-01"], (request, response) => response.Bytes("new"u8, "text/plain"));
        _server.Server.Map("GET", "/metrics", [], (request, response) => response.Bytes("up 1\n"u8, "text/plain"));
        _server.Start();
    }

    [OneTimeTearDown]
    public void Stop() => _server.Dispose();

    [TestCase("/keypair/a%2Fb%20%C3%A9?api-version=2020-09-01&spki=x%3Dy", "a/b é|x=y|2020-09-01")]
    [TestCase("/keypair/a+b?api-version=2020-09-01", "a+b||2020-09-01")]
    [TestCase("/keypair/a?spki=1&api-version=2021-05-01", null, Description = "a known version that the route does not have")]
    [TestCase("/keypair/a/next/b?api-version=2020-09-01", "a+b")]
    [TestCase("/newer?api-version=2021-05-01", "new")]
    [TestCase("/metrics", "up 1\n")]
    [TestCase("/version", "{\"version\":\"1.2.3\"}")]
    [TestCase("/version?api-version=2020-09-01", "{\"version\":\"1.2.3\"}")]
    [TestCase("/metrics?api-version=unknown", "up 1\n")]
    public void Paths_find_their_route_and_parameters_are_decoded(string target, string? expected)
    {
        using var client = _server.Connect();
        var answer = client.Ask($"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Multiple(() =>
        {
            Assert.That(answer.Status, Is.EqualTo(expected is null ? 400 : 200));
            if (expected is not null) Assert.That(answer.Body, Is.EqualTo(expected));
        });
    }

    [TestCase("GET", "/nothing", 400, "api_version_missing", Description = "the version comes before the path")]
    [TestCase("GET", "/nothing?api-version=1999-01-01", 400, "api_version_unknown")]
    [TestCase("GET", "/nothing?api-version=", 400, "api_version_missing")]
    [TestCase("GET", "/plain?api-version=2020-09-01&api-version=2020-09-01", 400, "api_version_unknown")]
    [TestCase("GET", "/nothing?api-version=2020-09-01", 404, "not_found")]
    [TestCase("GET", "/keypair/?api-version=2020-09-01", 404, "not_found")]
    [TestCase("GET", "/plain/?api-version=2020-09-01", 404, "not_found")]
    [TestCase("GET", "/?api-version=2020-09-01", 404, "not_found")]
    [TestCase("GET", "//plain?api-version=2020-09-01", 404, "not_found")]
    [TestCase("GET", "/PLAIN?api-version=2020-09-01", 404, "not_found")]
    [TestCase("DELETE", "/plain?api-version=2020-09-01", 400, "wrong_method")]
    [TestCase("BREW", "/plain?api-version=2020-09-01", 400, "wrong_method")]
    [TestCase("POST", "/metrics", 400, "api_version_missing")]
    [TestCase("GET", "/refused?api-version=2020-09-01", 401, "forbidden")]
    public void What_has_no_route_is_refused_with_the_error_body(string method, string target, int status, string code)
    {
        using var client = _server.Connect();
        var answer = client.Ask($"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Multiple(() =>
        {
            Assert.That(answer.Status, Is.EqualTo(status));
            Assert.That(answer.Header("Content-Type"), Is.EqualTo("application/json"));
            Assert.That(answer.Body, Does.StartWith("{\"message\":\"").And.Contain("\"hint\":\"").And.EndWith($"\"code\":\"{code}\"}}"));
            Assert.That(client.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200), "the connection stays usable");
        });
    }

    [TestCase("GET", "/keypair/a", "api_version_missing")]
    [TestCase("GET", "/keypair/a?api-version=1999-01-01", "api_version_unknown")]
    [TestCase("GET", "/keypair/a?api-version=2021-05-01", "api_version_unknown-route")]
    [TestCase("GET", "/plain?api-version=2020-09-01&api-version=2020-09-01", "api_version_unknown-repeated")]
    [TestCase("GET", "/certificates/a?api-version=2020-09-01&handle=secret", "not_found")]
    [TestCase("DELETE", "/plain?api-version=2020-09-01&handle=secret", "wrong_method")]
    [TestCase("GET", "/keypair/a?api-version=2020-09-01&spki=1&spki=2", "bad_request-query-twice")]
    public void A_refusal_names_the_request_without_its_query_and_what_would_do(string method, string target, string shown)
    {
        using var client = _server.Connect();
        Told.Shown(shown, client.Ask($"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    }

    [Test]
    public void A_problem_carries_its_words_and_its_retry_after()
    {
        using var client = _server.Connect();
        var refused = client.Ask(RawClient.Get("/refused"));
        var later = client.Ask(RawClient.Get("/later"));
        Assert.Multiple(() =>
        {
            Assert.That(refused.Body, Is.EqualTo("""{"message":"user 7 is not authorized","hint":"list it","code":"forbidden"}"""));
            Assert.That(later.Header("Retry-After"), Is.EqualTo("3"));
        });
    }

    [Test]
    public void An_unexpected_exception_is_500_names_the_request_and_keeps_its_text_to_itself()
    {
        using var client = _server.Connect();
        var answer = client.Ask(RawClient.Get("/broken"));
        Assert.Multiple(() =>
        {
            Assert.That(answer.Status, Is.EqualTo(500));
            Told.Shown("internal-request", answer);
            Assert.That(_server.Logger.Lines, Has.Some.StartsWith("Error: GET /broken for uid").And.Some.Contains("System.InvalidOperationException"));
            Assert.That(_server.Logger.Lines, Has.None.Contains("secret"));
            Assert.That(client.Ask(RawClient.Get("/plain")).Body, Is.EqualTo("plain"));
        });
    }

    [Test]
    public void No_content_has_neither_body_nor_length()
    {
        using var client = _server.Connect();
        var answer = client.Ask("DELETE /keypair?api-version=2020-09-01 HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Multiple(() =>
        {
            Assert.That(answer.Status, Is.EqualTo(204));
            Assert.That(answer.Header("Content-Length"), Is.Null);
            Assert.That(client.Ask(RawClient.Get("/plain")).Body, Is.EqualTo("plain"));
        });
    }
}
