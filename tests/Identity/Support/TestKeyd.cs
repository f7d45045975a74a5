using System.Security.Cryptography;
using System.Text.Json;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Support;

/// <summary>The Key Service's socket with its symmetric keys, in memory.</summary>
internal sealed class TestKeyd : IDisposable
{
    private readonly LocalServer _server;
    private int _signatures;

    public TestKeyd(string folder)
    {
        _server = new LocalServer(new LocalServerOptions { SocketPath = Path.Combine(folder, "keyd.sock") }, NullLogger.Instance,
            TimeProvider.System);
        _server.Map("GET", "/key/{id}", ["2021-05-01"], (request, response) =>
        {
            var id = request.Route("id");
            if (!Keys.ContainsKey(id)) throw new ProblemException("key_not_found", $"there is no key {id}", "import it", 404);
            var json = response.Json();
            json.WriteStartObject();
            json.WriteString("keyHandle", "v1." + id);
            json.WriteEndObject();
        });
        _server.Map("POST", "/sign", ["2021-05-01"], (request, response) =>
        {
            using var body = JsonDocument.Parse(request.Body);
            var root = body.RootElement;
            Assert.That(root.GetProperty("algorithm").GetString(), Is.EqualTo("HMAC-SHA256"));
            var key = Keys[root.GetProperty("keyHandle").GetString()![3..]];
            Interlocked.Increment(ref _signatures);
            var json = response.Json();
            json.WriteStartObject();
            json.WriteBase64String("signature", HMACSHA256.HashData(key,
                root.GetProperty("parameters").GetProperty("message").GetBytesFromBase64()));
            json.WriteEndObject();
        });
        _server.Start();
    }

    public Dictionary<string, byte[]> Keys { get; } = new() { ["device-id"] = RandomNumberGenerator.GetBytes(32) };

    public int Signatures => Volatile.Read(ref _signatures);

    public void Dispose() => _server.Dispose();
}
