using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Output;
using EstProv.Configuration;
using EstProv.Configuration.Import;
using EstProv.Configuration.Redacted;
using EstProv.Configuration.Reference;
using EstProv.LocalApi;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov config …</c>.</summary>
internal static class ConfigCommands
{
    public static readonly Command Check = new()
    {
        Name = "config check",
        Summary = "Reads the three configuration files and says all that is wrong",
        Details = """
            Reads keyd.toml, certd.toml and identityd.toml, each with its drop-ins (keyd.d/*.toml …), as the daemons do.
            Exit code: 0 when they can be used, 1 when not.
            """,
        Options = [Option.ConfigDir],
        Run = RunCheck,
    };

    public static readonly Command Show = new()
    {
        Name = "config show",
        WordNames = "[DAEMON]",
        Summary = "Shows the configuration as it holds, and where each value stands",
        Details = """
            Of keyd, certd and identityd, or of one of them: the file with its drop-ins (keyd.d/*.toml …), later ones before earlier ones.
            PINs, passwords, keys and what is unknown are shown as …; what is not set has its default (estprov config reference).
            Exit code: 0 when all files could be read, 1 when not.
            """,
        Options = [Option.ConfigDir],
        Run = RunShow,
    };

    public static readonly Command Reference = new()
    {
        Name = "config reference",
        Summary = "Prints what every key of the configuration means",
        Run = RunReference,
    };

    private static readonly Option Out = new("--out", "DIR",
        "where keyd.toml, certd.toml and identityd.toml go; none of them may be there yet");

    public static readonly Command ImportAzure = new()
    {
        Name = "config import-azure",
        WordNames = "[PATH]",
        Summary = "Makes our configuration of Azure IoT Identity Service's",
        Details = """
            PATH is its config.toml (the super-config), or its folder with the files of its services; default
            /etc/aziot. What could not be carried over is said, value by value, and the new files are checked. Keys
            stay where they are: PKCS#11 URIs are taken, files are not.
            Exit code: 0 when the new files can be used as they are, 1 when not.
            """,
        Options = [Out],
        Run = RunImport,
    };

    private static int RunImport(CommandLine line, Terminal terminal)
    {
        var folder = line.Value(Out.Name) ?? throw new UsageException($"{Out.Name} {Out.ValueName} is missing");
        var read = AzureImport.Read(line.Words.Count > 0 ? line.Words[0] : "/etc/aziot", Users.NameOf);
        if (read.Value is not { } import)
        {
            terminal.ErrorText(read.ToTerminalText());
            return 1;
        }

        var owners = WriteAll(folder, import);
        foreach (var note in import.Notes) Note(terminal, note.ToString(), note.Hint);

        foreach (var daemon in owners)
        {
            var file = Path.Combine(folder, daemon + ".toml");
            Note(terminal, $"{file} is for its owner alone, and estprov-{daemon} could not read it", $"chgrp estprov-{daemon} {file} && chmod 0640 {file}");
        }

        return CheckAll(terminal, folder);
    }

    private static void Note(Terminal terminal, string text, string hint)
    {
        terminal.Line(terminal.Warn("note:") + " " + text);
        if (hint.Length > 0) terminal.Line(terminal.Strong("hint:") + " " + hint);
    }

    /// <summary>All three or none, so that it can be repeated.</summary>
    /// <returns>The daemons whose files could not be given to them.</returns>
    private static List<string> WriteAll(string folder, AzureImport import)
    {
        var (written, owners) = (new List<string>(), new List<string>());
        try
        {
            foreach (var daemon in CheckContext.Names)
            {
                var file = Path.Combine(folder, daemon + ".toml");
                EstFiles.WriteNew(file, import.TextOf(daemon));
                written.Add(file);
                if (Users.FindGroup("estprov-" + daemon) is { } group && FileOwner.GiveToGroup(file, group))
                    File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
                else owners.Add(daemon);
            }
        }
        catch (ProblemException)
        {
            foreach (var file in written) File.Delete(file);
            throw;
        }

        return owners;
    }

    private static int RunCheck(CommandLine line, Terminal terminal) =>
        CheckAll(terminal, line.Value(Option.ConfigDir.Name) ?? Option.DefaultConfigDir);

    private static int CheckAll(Terminal terminal, string folder)
    {
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

    private static int RunShow(CommandLine line, Terminal terminal)
    {
        var folder = line.Value(Option.ConfigDir.Name) ?? Option.DefaultConfigDir;
        var only = line.Words.Count > 0 ? line.Words[0] : null;
        if (only is not null) CheckContext.Demand(only);
        var good = true;
        using var errors = new StringWriter();
        foreach (var daemon in CheckContext.Names)
        {
            if (only is not null && only != daemon) continue;
            if (only is null) terminal.Line(terminal.Strong($"# {daemon}"));
            good &= RedactedConfiguration.WriteMerged(terminal.Output, errors, daemon, Path.Combine(folder, daemon + ".toml"), Path.Combine(folder, daemon + ".d"));
        }

        terminal.Flush();
        terminal.ErrorText(errors.ToString());
        return good ? 0 : 1;
    }

    private static int RunReference(CommandLine line, Terminal terminal)
    {
        ConfigurationReference.WriteMarkdown(terminal.Output);
        return 0;
    }
}
