using System.Text.Json;
using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.LocalApi;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov factory-reset</c>: back to the identity that the device was born with, and from there on by itself.</summary>
internal sealed class FactoryResetCommand(Machine machine)
{
    /// <summary>For each EST identity, and for what certd has begun with a certificate that is to go.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public Command Command => new()
    {
        Name = "factory-reset",
        Summary = "Begins anew with the bootstrap identity, and forgets all other certificates",
        Details = """
            The EST identity is got anew with the bootstrap identity; the one in use stays until the new one is
            proved. Then all that certd has issued is forgotten and asked for anew, and the device registers again.
            What was imported, operators' files, configuration and keys stay; each new certificate gets a new key.
            Nothing is forgotten unless the bootstrap identity was of use: its certificate valid, its key in keyd,
            its EST server there and willing. It can be repeated.
            """,
        Options = [Confirmation.Yes, Option.RuntimeDir],
        Run = Run,
    };

    private int Run(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        // First whether all of it may be done, and by all who have a part in it. What DPS and the hub say is nobody's reason to stay as it is.
        daemons.Ask("identityd", "/cloud/try", "POST", wait: Patience);
        var ids = string.Join(", ", Ids(Reset(daemons, now: false)));
        Confirmation.Demand(line, terminal, machine, $"Forget {ids}, and begin anew with the bootstrap identity?");
        ids = string.Join(", ", Ids(Reset(daemons, now: true)));
        terminal.Line($"forgotten: {ids}");
        terminal.Flush();
        return ReprovisionCommand.Run(daemons, terminal);
    }

    private static JsonElement Reset(DaemonClients daemons, bool now) => daemons.Ask("certd", "/reset", "POST", JsonFields.Write(json =>
    {
        json.WriteBoolean("now"u8, now);
        json.WriteNumber("waitSeconds"u8, Patience.TotalSeconds);
    }), Patience * 3);

    private static List<string> Ids(JsonElement answer)
    {
        var ids = new List<string>();
        if (Json.Member(answer, "ids") is { ValueKind: JsonValueKind.Array } list)
        {
            foreach (var id in list.EnumerateArray()) ids.Add(id.GetString() ?? "");
        }

        return ids;
    }
}
