using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Platform;

namespace EstProv.Cli.Output;

/// <summary>Asks before something that cannot be taken back.</summary>
internal static class Confirmation
{
    public static readonly Option Yes = new("--yes", null, "do not ask");

    /// <exception cref="ProblemException"><c>not_confirmed</c>.</exception>
    public static void Demand(CommandLine line, Terminal terminal, Machine machine, string question)
    {
        if (line.Has(Yes.Name)) return;
        terminal.Output.Write(question + " [y/N] ");
        terminal.Flush();
        if (machine.ReadLine().Trim() is "y" or "Y" or "yes") return;
        throw new ProblemException("not_confirmed", "nothing was done", $"answer y, or give {Yes.Name}");
    }
}
