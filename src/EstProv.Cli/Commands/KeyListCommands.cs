using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov key list</c>, <c>estprov key show</c>: the key pairs that the caller may use.</summary>
internal static class KeyListCommands
{
    public static readonly Command List = new()
    {
        Name = "key list",
        Summary = "Lists the key pairs in keyd that you may use",
        Options = [Option.RuntimeDir],
        Run = static (line, terminal) =>
        {
            using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
            var table = new Table("KEY", "STATE", "ALGORITHM", "SHA-256 OF ITS PUBLIC KEY");
            foreach (var pair in Pairs(daemons))
                table.Add(null, Json.Text(pair, "keyId") ?? "", Json.Text(pair, "state") ?? "", Json.Text(pair, "algorithm") ?? "–",
                    Hash(pair));
            table.Write(terminal);
            return 0;
        },
    };

    public static readonly Command Show = new()
    {
        Name = "key show",
        WordNames = "ID",
        Summary = "Shows the key pairs of an id, with the public key",
        Options = [Option.RuntimeDir],
        Run = RunShow,
    };

    private static int RunShow(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var found = false;
        foreach (var pair in Pairs(daemons))
        {
            if (Json.Text(pair, "keyId") != line.Words[0]) continue;
            found = true;
            terminal.Line($"{Json.Text(pair, "state"),-12} {Json.Text(pair, "algorithm") ?? Json.Text(pair, "message")}");
            if (Json.Text(pair, "spki") is not { } spki) continue;
            terminal.Line($"{"SHA-256",-12} {Hash(pair)}");
            terminal.Line(PemEncoding.WriteString("PUBLIC KEY", Convert.FromBase64String(spki)));
        }

        if (found) return 0;
        throw new ProblemException("key_not_found", $"keyd has no key pair '{line.Words[0]}' that you may use",
            "'estprov key list' shows which there are");
    }

    private static List<JsonElement> Pairs(DaemonClients daemons)
    {
        var pairs = new List<JsonElement>();
        var after = "";
        while (true)
        {
            var answer = daemons.Ask("keyd", $"/keypairs?after={Uri.EscapeDataString(after)}");
            if (Json.Member(answer, "keypairs") is { ValueKind: JsonValueKind.Array } some) pairs.AddRange(some.EnumerateArray());
            var last = pairs.Count > 0 ? Json.Text(pairs[^1], "keyId") ?? "" : "";
            if (Json.Member(answer, "more").ValueKind is not JsonValueKind.True || last == after) return pairs;
            after = last;
        }
    }

    private static string Hash(JsonElement pair) => Json.Text(pair, "spki") is { } spki
        ? Convert.ToHexStringLower(SHA256.HashData(Convert.FromBase64String(spki))) : Json.Text(pair, "message") ?? "–";
}
