using System.Globalization;
using System.Text.Json;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Cli.Daemons;

/// <summary>Reads members that may be missing.</summary>
internal static class Json
{
    public static string? Text(JsonElement parent, string name)
        => parent.ValueKind is JsonValueKind.Object && parent.TryGetProperty(name, out var value)
            ? value.ValueKind switch
            {
                JsonValueKind.String => value.GetString(),
                JsonValueKind.Number => value.GetRawText(),
                _ => null,
            }
            : null;

    public static JsonElement Member(JsonElement parent, string name)
        => parent.ValueKind is JsonValueKind.Object && parent.TryGetProperty(name, out var value) ? value : default;

    /// <summary>Its member <c>problem</c>; null where it has none.</summary>
    public static ProblemException? Problem(JsonElement parent)
        => Member(parent, "problem") is var problem && Text(problem, "message") is { } message
            ? new ProblemException(Text(problem, "code") ?? "", message, Text(problem, "hint") ?? "") : null;

    public static DateTimeOffset? Time(JsonElement parent, string name)
        => Utc.Parse(Text(parent, name));

    public static double? Number(JsonElement parent, string name)
        => double.TryParse(Text(parent, name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
