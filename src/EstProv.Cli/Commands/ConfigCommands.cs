using EstProv.Cli.Arguments;
using EstProv.Cli.Output;
using EstProv.Configuration;
using EstProv.Configuration.Reference;
using EstProv.LocalApi;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov config check</c> and <c>estprov config reference</c>.</summary>
internal static class ConfigCommands
{
    private static readonly Option Folder = new("--dir", "DIR", "folder of the three files; default /etc/estprov");

    public static readonly Command Check = new()
    {
        Name = "config check",
        Summary = "Reads the three configuration files and says all that is wrong",
        Details = """
            Reads keyd.toml, certd.toml and identityd.toml, each with its drop-ins (keyd.d/*.toml …), as the daemons do.
            Exit code: 0 when they can be used, 1 when not.
            """,
        Options = [Folder],
        Run = RunCheck,
    };

    public static readonly Command Reference = new()
    {
        Name = "config reference",
        Summary = "Prints what every key of the configuration means",
        Run = RunReference,
    };

    private static int RunCheck(CommandLine line, Terminal terminal)
    {
        var folder = line.Value(Folder.Name) ?? "/etc/estprov";
        var good = Say(terminal, folder, "keyd", ConfigurationLoader.LoadKeyd);
        good &= Say(terminal, folder, "certd", ConfigurationLoader.LoadCertd);
        good &= Say(terminal, folder, "identityd", ConfigurationLoader.LoadIdentityd);
        return good ? 0 : 1;
    }

    private static bool Say<T>(Terminal terminal, string folder, string daemon, Func<string, string, Func<string, uint?>, Loaded<T>> load)
        where T : class
    {
        var file = Path.Combine(folder, daemon + ".toml");
        var loaded = load(file, Path.Combine(folder, daemon + ".d"), Users.FindUser);
        if (loaded.Errors.Count == 0) terminal.Line($"{file}: {terminal.Good("ok")}");
        else terminal.Line($"{file}: {terminal.Bad(loaded.Errors.Count == 1 ? "1 error" : $"{loaded.Errors.Count} errors")}");
        terminal.Flush();
        terminal.ErrorText(loaded.ToTerminalText());
        return loaded.Errors.Count == 0;
    }

    private static int RunReference(CommandLine line, Terminal terminal)
    {
        ConfigurationReference.WriteMarkdown(terminal.Output);
        return 0;
    }
}
