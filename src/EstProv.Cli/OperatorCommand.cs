using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Commands;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli;

/// <summary>
/// <c>estprov</c>, the operator's command. Errors are two lines on the error stream, <c>error:</c> and <c>hint:</c>. Exit codes: 0 done, 1 failed or
/// not so, 2 done with warnings (<c>check</c>, <c>distrust</c>), 64 called wrongly.
/// </summary>
public static class OperatorCommand
{
    /// <summary>EPIPE.</summary>
    internal const int BrokenPipe = 32;

    private const int Failed = 1, UsageError = 64;

    /// <param name="version">For <c>--version</c>.</param>
    /// <param name="buildTime">The floor under the device's clock.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments, TextWriter output, TextWriter error, string version, DateTimeOffset buildTime)
        => Run(arguments, Terminal.Of(output, error), version, TimeProvider.System, new Machine(buildTime));

    internal static int Run(string[] arguments, Terminal terminal, string version, TimeProvider time, Machine? machine = null)
    {
        try
        {
            return Dispatch(arguments, terminal, version, time, machine ?? new Machine());
        }
        catch (UsageException usage)
        {
            terminal.Error(usage.Message, "'estprov --help' says what there is");
            return UsageError;
        }
        catch (ProblemException problem)
        {
            terminal.Flush();
            terminal.Error(problem);
            return Failed;
        }
        catch (IOException cause)
        {
            // Whoever read our output has gone: he is not told.
            if ((cause.HResult & 0xFFFF) != BrokenPipe)
                terminal.Error($"the output cannot be written (error {cause.HResult & 0xFFFF})", "is the file system that it goes to full?");
            return Failed;
        }
#pragma warning disable CA1031 // What nobody has thought of is told like all else; the framework's text would help nobody.
        catch (Exception cause)
#pragma warning restore CA1031
        {
            terminal.Error($"the command failed unexpectedly ({cause.GetType().Name})", "please report this, with what was typed");
            return Failed;
        }
    }

    /// <summary>All that there are, in the order of the help, of which man page and completion are made too (tests/Cli/Pages).</summary>
    internal static Command[] Commands(string version, TimeProvider time, Machine machine) =>
    [
        new StatusCommand(time, machine).Command, new CheckCommand(time, version, machine).Command, new ProvisionCommand(time).Command,
        ReprovisionCommand.Reprovision, RenewCommand.Renew, .. new CertCommands(time, machine).All,
        KeyListCommands.List, KeyListCommands.Show, KeyCommands.Reference, new TokenCommands(time).SelfTest,
        .. new BootstrapCommands(time, machine).All, .. new EstCommands(time).All,
        ConfigCommands.Check, ConfigCommands.Show, ConfigCommands.Reference, ConfigCommands.ImportAzure,
        new LogsCommand(machine).Command, new SupportBundleCommand(time, version, machine).Command,
        DistrustCommands.Distrust, DistrustCommands.List, RescueCommand.Rescue, new FactoryResetCommand(machine).Command,
    ];

    private static int Dispatch(ReadOnlySpan<string> arguments, Terminal terminal, string version, TimeProvider time, Machine machine)
    {
        var commands = Commands(version, time, machine);
        if (arguments.Length == 0 || arguments[0] is "--help" or "-h" or "help")
        {
            Help.Write(terminal, commands);
            return arguments.Length == 0 ? UsageError : 0;
        }

        if (arguments[0] == "--version")
        {
            terminal.Line("estprov " + version);
            return 0;
        }

        // The one option that may stand before the command.
        if (arguments.Length > 2 && arguments[0] == Option.RuntimeDir.Name) arguments = (string[])[.. arguments[2..], arguments[0], arguments[1]];
        else if (arguments.Length > 1 && arguments[0].StartsWith(Option.RuntimeDir.Name + "=", StringComparison.Ordinal))
            arguments = (string[])[.. arguments[1..], arguments[0]];
        var command = Find(commands, arguments, out var rest);
        try
        {
            return Run(command, rest, terminal);
        }
        catch (UsageException usage)
        {
            // The page of this command, not the list of all.
            terminal.Error(usage.Message, $"'estprov {command.Name} --help' says what it takes");
            return UsageError;
        }
    }

    private static int Run(Command command, ReadOnlySpan<string> arguments, Terminal terminal)
    {
        var line = CommandLine.Parse(arguments, [.. command.Options, Option.ShowHelp]);
        if (line.Has(Option.ShowHelp.Name))
        {
            Help.Write(terminal, command);
            return 0;
        }

        if (line.Words.Count < command.LeastWords || line.Words.Count > command.WordCount)
        {
            throw new UsageException(line.Words.Count < command.LeastWords ? $"{command.Name} needs {command.WordNames}" : $"{command.Name} does not take '{line.Words[command.WordCount]}'");
        }

        var code = command.Run(line, terminal);
        terminal.Flush();
        return code;
    }

    internal static Command Find(Command[] commands, ReadOnlySpan<string> arguments, out ReadOnlySpan<string> rest)
    {
        var group = false;
        foreach (var command in commands)
        {
            var words = command.Name.Split(' ');
            if (words[0] != arguments[0]) continue;
            group = true;
            if (words.Length > 1 && (arguments.Length < 2 || arguments[1] != words[1])) continue;
            rest = arguments[words.Length..];
            return command;
        }

        if (!group) throw new UsageException($"unknown command '{arguments[0]}'");
        var all = new List<string>();
        foreach (var command in commands)
        {
            if (!command.Hidden && command.Name.StartsWith(arguments[0] + " ", StringComparison.Ordinal)) all.Add("'" + command.Name + "'");
        }

        throw new UsageException($"'{string.Join(' ', arguments[..Math.Min(2, arguments.Length)])}' is not a command; there is {string.Join(" and ", all)}");
    }
}
