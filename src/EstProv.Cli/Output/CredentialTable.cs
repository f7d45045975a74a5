using System.Text.Json;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;

namespace EstProv.Cli.Output;

/// <summary>The certificates of <c>GET /credentials</c> as a table.</summary>
internal static class CredentialTable
{
    public static void Write(Terminal terminal, JsonElement credentials, DateTimeOffset now)
    {
        var table = new Table("CERTIFICATE", "STATE", "SUBJECT", "ISSUER", "KEY", "EXPIRES", "RENEWAL", "LAST ATTEMPT", "FROM", "WITH");
        foreach (var credential in credentials.EnumerateArray())
        {
            var expires = Json.Time(credential, "notAfter");
            var state = Json.Text(credential, "state") ?? "";
            Func<string, string> paint = expires < now ? terminal.Bad : state is "current" or "preloaded" or "issued" or "imported"
                ? terminal.Good : terminal.Warn;
            table.Add(paint, Or(credential, "id"), state, Or(credential, "subject"), Or(credential, "issuer"),
                Key(credential),
                expires is { } end ? Expiry(end, now) : "–", Renewal(credential), Attempt(credential), Or(credential, "url"),
                    Or(credential, "credential"));
        }

        table.Write(terminal);
    }

    private static string Or(JsonElement credential, string name) => Json.Text(credential, name) is { Length: > 0 } text ? text : "–";

    /// <summary>Its kind, and by which name keyd has it where that is another one.</summary>
    private static string Key(JsonElement credential)
    {
        var (kind, keyId) = (Or(credential, "keyAlgorithm"), Json.Text(credential, "keyId"));
        return keyId is null || keyId == Json.Text(credential, "id") ? kind : $"{kind} ({keyId})";
    }

    private static string Renewal(JsonElement credential) => Json.Time(credential, "nextRenewal") is { } at ? Times.Shown(at) : "–";

    private static string Attempt(JsonElement credential)
    {
        if (Json.Time(credential, "lastAttempt") is not { } at) return "–";
        var result = Json.Problem(credential)?.Code ?? Json.Text(credential, "state") switch
        {
            "issuing" => "under way",
            "pending" => "waits for the server",
            "staged" => "to be proved",
            _ => "good",
        };
        return $"{Times.Shown(at)} {result}";
    }

    private static string Expiry(DateTimeOffset end, DateTimeOffset now)
    {
        var left = end - now;
        var words = left < TimeSpan.Zero ? "expired" : left.TotalDays >= 2 ? $"{(int)left.TotalDays} days" : left.TotalHours >= 2
            ? $"{(int)left.TotalHours} hours" : $"{Math.Max(1, (int)left.TotalMinutes)} min";
        return $"{Times.Shown(end)} ({words})";
    }
}
