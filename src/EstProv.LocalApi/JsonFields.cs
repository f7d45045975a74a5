using System.Buffers;
using System.Text.Json;

namespace EstProv.LocalApi;

/// <summary>The small JSON objects of the local API, without a serializer: its machinery would be larger than this library.</summary>
public static class JsonFields
{
    /// <summary>One object as UTF-8.</summary>
    public static byte[] Write(Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        fields(json);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A text that has to be there.</summary>
    /// <exception cref="JsonException">It is missing, or no text.</exception>
    public static string Text(this JsonElement json, string name) => json.OptionalText(name) ?? throw Unexpected(name);

    /// <summary>A text; null where it is missing or null.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static string? OptionalText(this JsonElement json, string name) => json.Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        _ => throw Unexpected(name),
    };

    /// <summary>A number; 0 where it is missing.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static double Number(this JsonElement json, string name) => json.Find(name) switch
    {
        null => 0,
        { ValueKind: JsonValueKind.Number } value when value.TryGetDouble(out var number) => number,
        _ => throw Unexpected(name),
    };

    /// <summary>An object; null where it is missing or null.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static JsonElement? OptionalObject(this JsonElement json, string name) => json.Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => value,
        _ => throw Unexpected(name),
    };

    /// <summary>The member <c>problem</c>, as all answers have it.</summary>
    public static void WriteProblem(this Utf8JsonWriter json, string message, string hint, string code)
    {
        json.WriteStartObject("problem"u8);
        json.WriteString("message"u8, message);
        json.WriteString("hint"u8, hint);
        json.WriteString("code"u8, code);
        json.WriteEndObject();
    }

    /// <summary>Writes a text, unless it is null.</summary>
    public static void WriteOptional(this Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null) json.WriteString(name, value);
    }

    private static JsonElement? Find(this JsonElement json, string name)
    {
        if (json.ValueKind != JsonValueKind.Object) throw new JsonException(null, "$", null, null);
        return json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    private static JsonException Unexpected(string name) => new(null, "$." + name, null, null);
}
