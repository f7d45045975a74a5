using EstProv.Cli.Output;

namespace EstProv.Cli.Arguments;

/// <summary>One command of <c>estprov</c>.</summary>
internal sealed class Command
{
    /// <summary>One or two words, such as <c>config check</c>.</summary>
    public required string Name { get; init; }

    /// <summary>One line for the list of commands.</summary>
    public required string Summary { get; init; }

    /// <summary>What the words after the command are, such as <c>ID</c>, or <c>[FILE]</c> for one that may be left out; empty when there are none.</summary>
    public string WordNames { get; init; } = "";

    /// <summary>More for its own help, with what it exits with.</summary>
    public string Details { get; init; } = "";

    /// <summary>Not in the list of commands: it is there to say why there is no such.</summary>
    public bool Hidden { get; init; }

    public Option[] Options { get; init; } = [];

    /// <summary>Does it; returns the exit code.</summary>
    public required Func<CommandLine, Terminal, int> Run { get; init; }

    public int WordCount => WordNames.Length == 0 ? 0 : WordNames.Split(' ').Length;

    /// <summary>How many of them must be there.</summary>
    public int LeastWords => WordNames.Length == 0 ? 0 : Array.FindAll(WordNames.Split(' '), static name => name[0] != '[').Length;
}
