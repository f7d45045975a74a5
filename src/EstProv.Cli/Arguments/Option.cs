namespace EstProv.Cli.Arguments;

/// <summary>One option of a command, and its line in the help.</summary>
/// <param name="name">With its two dashes.</param>
/// <param name="valueName">In capitals; null for an option without value.</param>
/// <param name="help">What it does, in half a sentence.</param>
/// <param name="short">With its one dash; null without.</param>
internal sealed class Option(string name, string? valueName, string help, string? @short = null)
{
    public string Name => name;

    public string? ValueName => valueName;

    public string Help => help;

    public string? Short => @short;

    public bool TakesValue => ValueName is not null;

    public static readonly Option RuntimeDir = new("--runtime-dir", "DIR", "folder of the daemons' sockets; default /run/estprov");

    public const string DefaultConfigDir = "/etc/estprov";

    public static readonly Option ConfigDir = new("--dir", "DIR", "folder of the three files; default /etc/estprov");

    public static readonly Option Json = new("--json", null, "as JSON, for programs");

    public static readonly Option ShowHelp = new("--help", null, "say what this command does", "-h");

    public static readonly Option Version = new("--version", null, "say the version");
}
