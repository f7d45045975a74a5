using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov check</c>.</summary>
internal sealed class CheckCommand(TimeProvider time, string version, Machine machine)
{
    private static readonly Option Offline = new("--offline", null, "ask no server");

    private static readonly Option Explain = new("--explain-issuance", "ID",
        "instead: say step by step how a certificate would be got now");

    public Command Command => new()
    {
        Name = "check",
        Summary = "Finds what is wrong before it hurts",
        Details = """
            Looks at configuration, users, sockets, state, provider, daemons, token, clock, certificates, keys,
            bootstrap, trust, EST servers and cloud. Nothing is changed (but a CA that ca_fingerprint names is fetched
            where it never was), and nothing is shown to a server. As root
            it sees all; what another user may not see is a warning.
            Exit code: 0 when all passed, 2 with warnings, 1 with errors.
            """,
        Options = [Offline, Explain, Option.Json, Option.ConfigDir, Option.RuntimeDir],
        Run = Run,
    };

    private int Run(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var asJson = line.Has(Option.Json.Name);
        if (line.Value(Explain.Name) is { } id)
        {
            if (line.Has(Offline.Name) || line.Has(Option.ConfigDir.Name))
                throw new UsageException($"{Explain.Name} asks certd alone, and takes neither {Offline.Name} nor {Option.ConfigDir.Name}");
            return IssuancePlan.Show(daemons, terminal, id, asJson);
        }

        var findings = new Findings(terminal, asJson);
        Look(new CheckContext(findings, daemons, machine, time.GetUtcNow())
        {
            Folder = line.Value(Option.ConfigDir.Name) ?? Option.DefaultConfigDir,
            Version = version,
        }, line.Has(Offline.Name));
        return findings.Finish();
    }

    /// <summary>From what stands still to what is far away.</summary>
    public static void Look(CheckContext on, bool offline)
    {
        ConfigurationChecks.Run(on);
        using var secrets = on.Keyd;
        MachineChecks.Run(on);
        DaemonChecks.Run(on);
        new CertificateChecks(on).Run();
        new ServerChecks(on, offline).Run();
    }
}
