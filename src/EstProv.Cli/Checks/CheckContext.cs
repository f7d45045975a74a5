using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Configuration.Certd;
using EstProv.Configuration.Identityd;
using EstProv.Configuration.Keyd;

namespace EstProv.Cli.Checks;

/// <summary>What the checks share.</summary>
internal sealed class CheckContext(Findings findings, DaemonClients daemons, Machine machine, DateTimeOffset now)
{
    public static readonly string[] Names = ["keyd", "certd", "identityd"];

    /// <exception cref="UsageException">There is no such daemon.</exception>
    public static void Demand(string daemon)
    {
        if (Array.IndexOf(Names, daemon) < 0) throw new UsageException($"there is no daemon '{daemon}'; there are {string.Join(", ", Names)}");
    }

    public Findings Findings => findings;

    public DaemonClients Daemons => daemons;

    public Machine Machine => machine;

    public DateTimeOffset Now => now;

    /// <summary>Folder of the three files.</summary>
    public required string Folder { get; init; }

    /// <summary>This command's version, which the daemons' should be.</summary>
    public required string Version { get; init; }

    /// <summary>Null where it has errors, or cannot be read by the caller; so with the other two.</summary>
    public KeydConfiguration? Keyd { get; set; }

    public CertdConfiguration? Certd { get; set; }

    public IdentitydConfiguration? Identityd { get; set; }
}
