using System.Globalization;
using System.Text.Json;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov distrust</c>, <c>estprov distrusted</c>.</summary>
internal static class DistrustCommands
{
    private static readonly Option Over = new("--over", "TIME", "over how long, such as 24h or 7d; default distrust_spread of the configuration");

    private static readonly Option Force = new("--force", null, "also where no EST server could be verified any more");

    private static readonly Option Undo = new("--undo", null, "it is trusted again");

    public static readonly Command Distrust = new()
    {
        Name = "distrust",
        WordNames = "ISSUER",
        Summary = "Distrusts a CA: what is under it gets new keys and certificates",
        Details = """
            ISSUER is the SHA-256 of the CA's certificate in hexadecimal (colons or not), spki: and the
            SHA-256 of its key, or its subject as 'estprov status' shows it.
            Each certificate under it is replaced at a point of its own within the time given; the old one is
            served until the new one is proved. EST servers are not verified by this CA any more; where one
            could not be verified at all then, nothing is done, unless with --force.
            Exit code: 0 when done, 2 when done while a server could not be asked whether it can be verified
            still, 1 when not done.
            """,
        Options = [Over, Force, Undo, Option.RuntimeDir],
        Run = RunDistrust,
    };

    public static readonly Command List = new()
    {
        Name = "distrusted",
        Summary = "Shows which CAs are distrusted, and what is under them still",
        Options = [Option.RuntimeDir],
        Run = static (line, terminal) =>
        {
            using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
            var answer = daemons.Distrusted();
            WriteIssuers(terminal, answer);
            WriteCertificates(terminal, answer);
            return 0;
        },
    };

    private static int RunDistrust(CommandLine line, Terminal terminal)
    {
        var over = line.Value(Over.Name) is { } text ? Times.Parse(Over.Name, text) : (TimeSpan?)null;
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var undo = line.Has(Undo.Name);
        var answer = daemons.Distrust(line.Words[0], undo, over, line.Has(Force.Name));
        terminal.Line($"{line.Words[0]} is {(undo ? "trusted again" : "distrusted")}");
        if (!undo) WriteCertificates(terminal, answer);
        terminal.Flush();
        var code = 0;
        foreach (var url in Items(answer, "unknown"))
        {
            terminal.Warning($"{url.GetString()} could not be asked whether it can be verified still",
                "see with estprov status whether renewals go on");
            code = 2;
        }

        return code;
    }

    private static void WriteIssuers(Terminal terminal, JsonElement answer)
    {
        var table = new Table("ISSUER", "SINCE", "OVER", "BY");
        var isEmpty = true;
        foreach (var entry in Items(answer, "distrusted"))
        {
            isEmpty = false;
            table.Add(terminal.Warn, Json.Text(entry, "issuer") ?? "", Json.Text(entry, "since") ?? "", Words(Json.Number(entry, "overSeconds") ?? 0), Json.Text(entry, "by") ?? "");
        }

        if (isEmpty) terminal.Line("no CA is distrusted");
        else table.Write(terminal);
    }

    private static void WriteCertificates(Terminal terminal, JsonElement answer)
    {
        var isEmpty = true;
        foreach (var certificate in Items(answer, "certificates"))
        {
            isEmpty = false;
            var turn = Json.Text(certificate, "from") is { } from ? $"is replaced from {from} on" : "is to be asked for again by whoever has its key";
            terminal.Line($"  {Json.Text(certificate, "id")}  {turn}");
        }

        if (isEmpty) terminal.Line("no certificate of this device is under it");
    }

    private static JsonElement.ArrayEnumerator Items(JsonElement answer, string name) =>
        Json.Member(answer, name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : default;

    private static string Words(double seconds) => TimeSpan.FromSeconds(seconds) is var time && time.TotalHours >= 1
        ? time.TotalHours.ToString("0.#", CultureInfo.InvariantCulture) + " h"
        : time.TotalMinutes.ToString("0", CultureInfo.InvariantCulture) + " min";
}
