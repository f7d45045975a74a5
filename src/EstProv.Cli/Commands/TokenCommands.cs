using EstProv.Cli.Arguments;
using EstProv.Cli.Output;
using EstProv.Keys.SelfTest;
using EstProv.LocalApi;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov token selftest</c>.</summary>
internal sealed class TokenCommands(TimeProvider time)
{
    private static readonly Option ConfigFile = new("--config", "FILE", "keyd's configuration; default /etc/estprov/keyd.toml");
    private static readonly Option ConfigDir = new("--config-dir", "DIR", "folder of its drop-ins; default keyd.d beside the file");

    public Command SelfTest => new()
    {
        Name = "token selftest",
        Summary = "Tries on this device what its token can do, and how fast",
        Details = """
            Reads keyd's configuration, opens the token as keyd does (as user estprov-keyd when root runs it), and tries every operation that EstProv
            knows, key generation, signatures, and the room that a rotation needs. The keys that it makes are labelled estprov-selftest and destroyed again.
            A PIN that is the unit's credential (pin-source=credential:…) is there while the unit runs; what its environment tells the vendor's
            library (SOFTHSM2_CONF …) has to be told to this command too. A token that takes one program at a time needs keyd to be stopped, and
            CREDENTIALS_DIRECTORY to be set to a folder with the PIN then.
            Exit code: 0 when a device can live with this token, 1 when not.
            """,
        Options = [ConfigFile, ConfigDir],
        Run = Run,
    };

    private int Run(CommandLine line, Terminal terminal)
    {
        var file = line.Value(ConfigFile.Name) ?? "/etc/estprov/keyd.toml";
        var context = new DaemonContext
        {
            ConfigFile = file,
            ConfigDir = line.Value(ConfigDir.Name) ?? Path.ChangeExtension(file, ".d"),
            RuntimeDir = "/run/estprov",
            CheckOnly = true,
            TakeOnUser = DaemonUser.TakeOn,
            Loggers = NullLoggerFactory.Instance,
            Time = time,
            BuildTime = default,
            Stopping = default,
        };
        return TokenSelfTest.Run(context, terminal.Output) ? 0 : 1;
    }
}
