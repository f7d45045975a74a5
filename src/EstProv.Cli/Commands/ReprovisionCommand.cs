using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov reprovision</c>.</summary>
internal static class ReprovisionCommand
{
    /// <summary>identityd holds the answer for a minute.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public static readonly Command Reprovision = new()
    {
        Name = "reprovision",
        Summary = "Has the device registered again",
        Details = """
            The present registration is served until there is another one, and stays where the new one fails.
            Exit code: 0 when the device is registered, 1 when not (yet).
            """,
        Options = [Option.RuntimeDir],
        Run = static (line, terminal) =>
        {
            using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
            return Run(daemons, terminal);
        },
    };

    public static int Run(DaemonClients daemons, Terminal terminal)
    {
        daemons.Ask("identityd", "/identities/device/reprovision", "POST", """{"type":"aziot"}"""u8, Patience);
        terminal.Line(ProvisioningSteps.Result(terminal, daemons.ProvisioningStatus()));
        return 0;
    }
}
