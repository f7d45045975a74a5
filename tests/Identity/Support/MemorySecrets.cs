using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using EstProv.LocalApi;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Identity.Tests.Support;

/// <summary>keyd's routes of symmetric keys, in memory, with handles that can be read: <c>v1.ID</c> and <c>v1.ID/DATA</c>.</summary>
internal sealed class MemorySecrets
{
    private static readonly string[] Versions = ["2021-05-01"];

    private readonly ConcurrentDictionary<string, byte[]> _keys = new(StringComparer.Ordinal);

    public void Map(LocalServer server)
    {
        server.Map("GET", "/key/{id}", Versions, (request, response) =>
        {
            if (!_keys.ContainsKey(request.Route("id"))) throw new ProblemException("key_not_found", "no such key", "", 404);
            Answer(response, "keyHandle", "v1." + request.Route("id"));
        });
        server.Map("POST", "/key", Versions, (request, response) =>
        {
            var id = request.Json(static json => json.Text("keyId"));
            _keys.TryAdd(id, SHA256.HashData(Encoding.UTF8.GetBytes(id)));
            Answer(response, "keyHandle", "v1." + id);
        });
        server.Map("POST", "/derivedkey", Versions, (request, response) =>
        {
            var (handle, data) = request.Json(static json => (json.Text("baseKeyHandle"), Convert.FromBase64String(json.Text("derivationData"))));
            Answer(response, "keyHandle", $"{handle}/{Encoding.UTF8.GetString(data)}");
        });
        server.Map("POST", "/derivedkey/export", Versions, (request, response) => Answer(response, "key", Convert.ToBase64String(KeyOf(request.Json(static json => json.Text("keyHandle"))))));
        server.Map("POST", "/sign", Versions, (request, response) =>
        {
            var (handle, message) = request.Json(static json => (json.Text("keyHandle"), Convert.FromBase64String(json.GetProperty("parameters").Text("message"))));
            Answer(response, "signature", Convert.ToBase64String(HMACSHA256.HashData(KeyOf(handle), message)));
        });
    }

    private byte[] KeyOf(string handle)
    {
        var parts = handle["v1.".Length..].Split('/', 2);
        if (!_keys.TryGetValue(parts[0], out var key)) throw new ProblemException("handle_invalid", "no such handle", "", 400);
        return parts.Length == 1 ? key : HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(parts[1]));
    }

    private static void Answer(LocalResponse response, string name, string value)
    {
        var json = response.Json();
        json.WriteStartObject();
        json.WriteString(name, value);
        json.WriteEndObject();
    }
}
