using EstProv.Cli.Output;

namespace EstProv.Cli.Arguments;

/// <summary>What <c>--help</c> says, made from the commands themselves.</summary>
internal static class Help
{
    public static void Write(Terminal terminal, IReadOnlyList<Command> commands)
    {
        terminal.Line("usage: estprov COMMAND [ARGUMENTS]");
        terminal.Line();
        terminal.Line("Shows and checks the provisioning of this device.");
        terminal.Line();
        foreach (var command in commands)
        {
            if (!command.Hidden) terminal.Line($"  {Usage(command),-27}{command.Summary}");
        }

        terminal.Line();
        Write(terminal, Option.ShowHelp);
        Write(terminal, Option.Version);
        terminal.Line();
        terminal.Line("'estprov COMMAND --help' says more.");
    }

    public static void Write(Terminal terminal, Command command)
    {
        terminal.Line($"usage: estprov {Usage(command)} [OPTIONS]");
        terminal.Line();
        terminal.Line(command.Summary + ".");
        if (command.Details.Length > 0)
        {
            terminal.Line();
            terminal.Line(command.Details.ReplaceLineEndings("\n"));
        }

        terminal.Line();
        foreach (var option in command.Options) Write(terminal, option);
        Write(terminal, Option.ShowHelp);
    }

    private static void Write(Terminal terminal, Option option)
    {
        var name = option.ValueName is { } value ? $"{option.Name} {value}" : option.Name;
        if (option.Short is { } letter) name += ", " + letter;
        terminal.Line($"  {name,-22}{option.Help}");
    }

    private static string Usage(Command command) => command.WordNames.Length == 0 ? command.Name : $"{command.Name} {command.WordNames}";
}
