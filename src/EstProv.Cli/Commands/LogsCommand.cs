using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov logs</c>.</summary>
internal sealed class LogsCommand(Machine machine)
{
    private const string Journal = "/usr/bin/journalctl";

    private static readonly Option Follow = new("--follow", null, "go on with what comes", "-f");

    private static readonly Option Lines = new("--lines", "N", "so many of the last lines; default 100");

    public Command Command => new()
    {
        Name = "logs",
        WordNames = "[DAEMON]",
        Summary = "Shows the log of the daemons, or of one of keyd, certd, identityd",
        Details = "By journalctl, which takes this command's place.",
        Options = [Follow, Lines],
        Run = Run,
    };

    private int Run(CommandLine line, Terminal terminal)
    {
        var lines = line.Value(Lines.Name) ?? "100";
        if (!int.TryParse(lines, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out _))
            throw new UsageException($"{Lines.Name} '{lines}' is not a number");
        var arguments = new List<string> { "--output=short-iso", "--lines=" + lines };
        var only = line.Words.Count > 0 ? line.Words[0] : null;
        if (only is not null) CheckContext.Demand(only);
        foreach (var daemon in CheckContext.Names)
        {
            if (only is null || only == daemon) arguments.Add($"--unit=estprov-{daemon}.service");
        }

        if (line.Has(Follow.Name)) arguments.Add("--follow");
        terminal.Flush();
        machine.Become(Journal, [.. arguments]);
        throw new ProblemException("journal_missing", $"{Journal} cannot be started",
            "the daemons write to their standard error: see whatever keeps that on this system");
    }
}
