using System.Text.Json;
using EstProv.LocalApi;

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
        if (json.OptionalText(name) is null) return null;
        return json.GetProperty(name).TryGetBytesFromBase64(out var value) ? value : throw Unexpected(name);
    }

    private static JsonException Unexpected(string name) => new(null, "$." + name, null, null);
}
