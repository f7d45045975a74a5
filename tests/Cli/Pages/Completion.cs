using EstProv.Cli.Arguments;
using EstProv.Cli.Output;

namespace EstProv.Cli.Tests.Pages;

/// <summary>bash's completion, made from the commands themselves.</summary>
internal static class Completion
{
    public static void Write(Terminal terminal, IReadOnlyList<Command> commands)
    {
        terminal.Line("# bash completion for estprov; made of its commands by tests/Cli/Pages");
        terminal.Line("_estprov() {");
        terminal.Line("    local cur=${COMP_WORDS[COMP_CWORD]-} words");
        terminal.Line("    case \"${COMP_WORDS[1]-} ${COMP_WORDS[2]-}\" in");
        var (firsts, groups) = (new List<string>(), new List<string>());
        foreach (var command in commands)
        {
            if (command.Hidden) continue;
            var names = command.Name.Split(' ');
            if (!firsts.Contains(names[0])) firsts.Add(names[0]);
            if (names.Length > 1 && !groups.Contains(names[0])) groups.Add(names[0]);
            var options = "";
            foreach (var option in command.Options) options += " " + option.Name;
            terminal.Line($"    \"{command.Name}{(names.Length > 1 ? "" : " ")}\"*) words=\"{options[(options.Length > 0 ? 1 : 0)..]} --help\" ;;".Replace("=\" ", "=\"", StringComparison.Ordinal));
        }

        foreach (var group in groups)
        {
            var seconds = "";
            foreach (var command in commands)
            {
                if (!command.Hidden && command.Name.StartsWith(group + " ", StringComparison.Ordinal))
                    seconds += " " + command.Name[(group.Length + 1)..];
            }

            terminal.Line($"    \"{group} \"*) words=\"{seconds[1..]}\" ;;");
        }

        terminal.Line($"    *) words=\"{string.Join(' ', firsts)} --help --version\" ;;");
        terminal.Line("    esac");
        terminal.Line("    ((COMP_CWORD > 1)) || words=\"" + string.Join(' ', firsts) + " --help --version\"");
        terminal.Line("    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")");
        terminal.Line("}");
        terminal.Line("complete -o default -F _estprov estprov");
    }
}
