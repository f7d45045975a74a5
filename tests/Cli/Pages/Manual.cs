using System.Globalization;
using EstProv.Cli.Arguments;
using EstProv.Cli.Output;

namespace EstProv.Cli.Tests.Pages;

/// <summary>The man page, in the macros of man(7), made from the commands themselves.</summary>
internal static class Manual
{
    public static void Write(Terminal terminal, IReadOnlyList<Command> commands)
    {
        terminal.Line(".TH ESTPROV 1 \"\" \"EstProv\" \"EstProv\"");
        terminal.Line(".SH NAME\nestprov \\- shows and checks the provisioning of this device");
        terminal.Line(".SH SYNOPSIS\n.B estprov\n.I COMMAND\n.RI [ ARGUMENTS ]");
        terminal.Line(".SH COMMANDS");
        foreach (var command in commands)
        {
            if (command.Hidden) continue;
            terminal.Line($".SS {Escaped(command.Name)} {Escaped(command.WordNames)}");
            terminal.Line(Escaped(command.Summary) + ".");
            if (command.Details.Length > 0) terminal.Line(".PP\n" + Escaped(command.Details.ReplaceLineEndings("\n")));
            foreach (var option in command.Options) Write(terminal, option);
        }

        terminal.Line(".SH EXIT STATUS\n0 done, 1 failed or not so, 2 done with warnings (check), 64 called wrongly.");
        terminal.Line(".SH FILES\n.I /etc/estprov/keyd.toml\n.I /etc/estprov/certd.toml\n.I /etc/estprov/identityd.toml\n.br\nconfiguration: estprov config reference");
        terminal.Line(".br\n.I /run/estprov\nsockets of the daemons");
        terminal.Line(".SH ENVIRONMENT\n.B NO_COLOR\nno colours, also on a terminal.");
    }

    private static void Write(Terminal terminal, Option option)
    {
        terminal.Line(".TP");
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $".BR {Escaped(option.Name)}{(option.ValueName is { } value ? $" \" \" {Escaped(value)}" : "")}"));
        terminal.Line(Escaped(option.Help) + ".");
    }

    /// <summary>A hyphen is to stay one that can be copied, and a line must not begin with a macro's dot.</summary>
    private static string Escaped(string text)
    {
        text = text.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal)
            .Replace("\n.", "\n\\&.", StringComparison.Ordinal);
        return text.Length > 0 && text[0] is '.' or '\'' ? "\\&" + text : text;
    }
}
