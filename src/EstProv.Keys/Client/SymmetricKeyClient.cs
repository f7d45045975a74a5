using System.Security.Cryptography;
using System.Text.Json;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Keys.Client;

/// <summary>The Key Service's symmetric keys over its socket.</summary>
/// <remarks>
/// Every member throws <see cref="ProblemException"/>: <c>key_not_found</c>, <c>forbidden</c>, <c>keyd_unreachable</c>, <c>token_*</c>, with keyd's own
/// words. Calls block, for a few seconds at most, and are safe from any thread.
/// </remarks>
public sealed class SymmetricKeyClient(LocalClient keyd)
{
    private const string Version = "api-version=2021-05-01";

    /// <summary>The handle of the key <paramref name="keyId"/>, generated where there is none.</summary>
    /// <param name="usage">A list of <c>derive</c>, <c>encrypt</c>, <c>sign</c>.</param>
    public string Create(string keyId, string usage) => HandleIn(Post("/key", json =>
    {
        json.WriteString("keyId"u8, keyId);
        json.WriteString("usage"u8, usage);
    }));

    /// <summary>The handle of the key <paramref name="keyId"/>.</summary>
    public string Load(string keyId) => HandleIn(keyd.Send("GET", $"/key/{Uri.EscapeDataString(keyId)}?{Version}"));

    /// <summary>The handle of the key that is the HMAC-SHA256 of <paramref name="data"/> (at most 1,024 bytes) with the base key.</summary>
    public string Derive(string baseKeyHandle, byte[] data) => HandleIn(Post("/derivedkey", json =>
    {
        json.WriteString("baseKeyHandle"u8, baseKeyHandle);
        json.WriteBase64String("derivationData"u8, data);
    }));

    /// <summary>The bytes of a derived key: to be zeroed after use.</summary>
    public byte[] Export(string derivedKeyHandle)
    {
        var body = JsonFields.Write(json => json.WriteString("keyHandle"u8, derivedKeyHandle));
        var reply = keyd.Send("POST", $"/derivedkey/export?{Version}", body, "application/json", secret: true);
        try
        {
            return BytesIn(reply, "key");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(reply.Body);
        }
    }

    /// <summary>HMAC-SHA256 of a message by a symmetric or derived key.</summary>
    public byte[] HmacSha256(string keyHandle, byte[] message) => BytesIn(Post("/sign", json =>
    {
        json.WriteString("keyHandle"u8, keyHandle);
        json.WriteString("algorithm"u8, "HMAC-SHA256"u8);
        json.WriteStartObject("parameters"u8);
        json.WriteBase64String("message"u8, message);
        json.WriteEndObject();
    }), "signature");

    private LocalReply Post(string path, Action<Utf8JsonWriter> fields) => keyd.Send("POST", $"{path}?{Version}", JsonFields.Write(fields), "application/json");

    private static string HandleIn(LocalReply reply) => Read(reply, static root => root.Text("keyHandle"));

    private static byte[] BytesIn(LocalReply reply, string name) => Read(reply, root =>
        root.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String && value.TryGetBytesFromBase64(out var bytes) ? bytes : throw new JsonException());

    private static T Read<T>(LocalReply reply, Func<JsonElement, T> member)
    {
        try
        {
            using var document = JsonDocument.Parse(reply.Body);
            return member(document.RootElement);
        }
        catch (JsonException cause)
        {
            throw new ProblemException("keyd_bad_answer", "the Key Service's answer cannot be understood", "are all daemons of one version?", 503, cause);
        }
    }
}
