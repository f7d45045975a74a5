using System.Text.Json;

namespace EstProv.Keys.Routes;

/// <summary>Bytes in JSON, as base64.</summary>
internal static class BinaryFields
{
    /// <exception cref="JsonException">The field is missing, or is not base64.</exception>
    public static byte[] Bytes(this JsonElement json, string name) => json.OptionalBytes(name) ?? throw Unexpected(name);

    /// <summary>Null where the field is missing or null.</summary>
    /// <exception cref="JsonException">It is something else than base64.</exception>
    public static byte[]? OptionalBytes(this JsonElement json, string name)
    {
        // Not by way of a string, which nobody could zero: the bytes may be a key.
        if (json.ValueKind != JsonValueKind.Object) throw new JsonException(null, "$", null, null);
        if (!json.TryGetProperty(name, out var text) || text.ValueKind == JsonValueKind.Null) return null;
        return text.ValueKind == JsonValueKind.String && text.TryGetBytesFromBase64(out var value) ? value : throw Unexpected(name);
    }

    private static JsonException Unexpected(string name) => new(null, "$." + name, null, null);
}
