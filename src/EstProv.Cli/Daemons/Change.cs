using System.Globalization;
using System.Text.Json;

namespace EstProv.Cli.Daemons;

/// <summary>One entry of a daemon's <c>GET /changes</c>.</summary>
internal sealed record Change(DateTimeOffset Time, string Kind, string Subject, JsonElement Fields)
{
    public string Field(string name) => Json.Text(Fields, name) ?? "";

    /// <summary>Adds what an answer holds to <paramref name="into"/> and returns where to go on from.</summary>
    public static long Read(JsonElement answer, List<Change> into, long after)
    {
        if (Json.Member(answer, "changes") is { ValueKind: JsonValueKind.Array } changes)
        {
            foreach (var change in changes.EnumerateArray())
            {
                if (Json.Time(change, "time") is not { } time) continue;
                into.Add(new Change(time, Json.Text(change, "kind") ?? "", Json.Text(change, "subject") ?? "", change));
            }
        }

        return long.TryParse(Json.Text(answer, "next"), NumberStyles.None, CultureInfo.InvariantCulture, out var next) ? next : after;
    }
}
