using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using EstProv.Platform;

namespace EstProv.Cli.Output;

/// <summary>What <c>--json</c> prints: one object, one member a line, for programs and for sed.</summary>
internal static class JsonText
{
    public static void Write(Terminal terminal, Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        var options = new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        terminal.Line(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
    }

    /// <summary>As it is; null where there is none.</summary>
    public static void Member(Utf8JsonWriter json, string name, JsonElement value)
    {
        json.WritePropertyName(name);
        if (value.ValueKind is JsonValueKind.Undefined) json.WriteNullValue();
        else value.WriteTo(json);
    }

    /// <summary>Message, hint and code.</summary>
    public static void Members(Utf8JsonWriter json, ProblemException problem)
    {
        json.WriteString("message", problem.Message);
        json.WriteString("hint", problem.Hint);
        json.WriteString("code", problem.Code);
    }
}
