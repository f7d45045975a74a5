using System.Text.Json;
using EstProv.LocalApi.Tests.Support;

namespace EstProv.LocalApi.Tests.Server;

public sealed class JsonTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public void Start()
    {
        _server = new TestServer();
        _server.Map("POST", "/typed", static (request, response) => Write(response.Json(), request.Json(Read)));
        _server.Map("POST", "/read", static (request, response) =>
        {
            var reader = request.Json();
            string? id = null;
            byte[]? digest = null;
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                var isId = reader.ValueTextEquals("id"u8);
                reader.Read();
                if (isId) id = reader.GetString();
                else digest = reader.GetBytesFromBase64();
            }

            if (id is null) throw request.MissingField("id");
            var json = response.Json();
            json.WriteStartObject();
            json.WriteString("id", id);
            json.WriteNumber("length", digest?.Length ?? 0);
            json.WriteEndObject();
        });
        _server.Map("POST", "/inner", static (request, response) =>
        {
            request.Json(Read);
            throw new InvalidOperationException();
        });
        _server.Start();
    }

    [OneTimeTearDown]
    public void Stop() => _server.Dispose();

    [Test]
    public void A_body_becomes_a_value_and_a_value_a_body()
    {
        using var client = _server.Connect();
        var answer = client.Ask(RawClient.Post("/typed", """{"keyId":"a+b/c<é>","extra":[1,{"x":2}]}"""));
        Assert.Multiple(() =>
        {
            Assert.That(answer.Body, Is.EqualTo("""{"keyId":"a+b/c<é>"}"""), "not escaped as for HTML");
            Assert.That(answer.Header("Content-Type"), Is.EqualTo("application/json"));
            Assert.That(client.Ask(RawClient.Post("/read", """{"id":"x","digest":"AAEC"}""")).Body, Is.EqualTo("""{"id":"x","length":3}"""));
        });
    }

    [TestCase("/typed", "", 400, "body_missing", "body_missing")]
    [TestCase("/typed", "{", 422, "bad_json")]
    [TestCase("/typed", "{}", 422, "bad_json")]
    [TestCase("/typed", "null", 422, "bad_json")]
    [TestCase("/typed", "[]", 422, "bad_json")]
    [TestCase("/typed", """{"keyId":null}""", 422, "bad_json")]
    [TestCase("/typed", """{"keyId":7}""", 422, "bad_json", "bad_json")]
    [TestCase("/typed", """{"keyId":"a"}{}""", 422, "bad_json")]
    [TestCase("/typed", """{"keyId":"a",}""", 422, "bad_json", "bad_json-text")]
    [TestCase("/typed", """{"keyId":"a","keyId":"b"}""", 422, "bad_json")]
    [TestCase("/typed", """{"keyId":"a","x":[[[[[[[[[[1]]]]]]]]]]}""", 422, "bad_json")]
    [TestCase("/typed", "{\"keyId\":\"\u00FF\u00FE\"}", 422, "bad_json", Description = "not UTF-8")]
    [TestCase("/read", "", 400, "body_missing")]
    [TestCase("/read", "{}", 422, "field_missing", "field_missing")]
    [TestCase("/read", "nonsense", 422, "bad_json")]
    [TestCase("/read", """{"id":7}""", 422, "bad_json")]
    [TestCase("/read", """{"digest":"not base64"}""", 422, "bad_json")]
    [TestCase("/inner", """{"keyId":"a"}""", 500, "internal")]
    public void Bad_bodies_are_told_apart(string path, string body, int status, string code, string? shown = null)
    {
        using var client = _server.Connect();
        var answer = client.Ask($"POST {path}?api-version=2020-09-01 HTTP/1.1\r\nHost: x\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        Assert.Multiple(() =>
        {
            Assert.That(answer.Status, Is.EqualTo(status));
            Assert.That(answer.Body, Does.Contain($"\"code\":\"{code}\"").And.Contain($"POST {path}"));
        });
        if (shown is not null) Told.Shown(shown, answer);
    }

    private static string Read(JsonElement json) => json.Text("keyId");

    private static void Write(Utf8JsonWriter json, string keyId)
    {
        json.WriteStartObject();
        json.WriteString("keyId"u8, keyId);
        json.WriteEndObject();
    }
}
