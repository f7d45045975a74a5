namespace EstProv;

/// <summary>The command line that the three daemons share.</summary>
internal sealed class DaemonArguments
{
    public required string ConfigFile { get; init; }

    public required string ConfigDir { get; init; }

    public required string RuntimeDir { get; init; }

    public bool Check { get; init; }

    public bool Help { get; init; }

    public bool Version { get; init; }

    /// <returns>The arguments, or the two lines that say what is wrong with them.</returns>
    public static (DaemonArguments? Arguments, string? Error) Parse(string daemon, string[] arguments)
    {
        string? file = null, folder = null, runtime = null;
        bool check = false, help = false, version = false;
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            string? value = null;
            if (argument.StartsWith("--", StringComparison.Ordinal) && argument.IndexOf('=', StringComparison.Ordinal) is var equals and > 0)
            {
                value = argument[(equals + 1)..];
                argument = argument[..equals];
            }

            switch (argument)
            {
                case "--config" or "--config-dir" or "--runtime-dir":
                    value ??= i + 1 < arguments.Length ? arguments[++i] : null;
                    if (string.IsNullOrEmpty(value)) return (null, Explain(daemon, $"{argument} needs a path"));
                    if (argument == "--config") file = value;
                    else if (argument == "--config-dir") folder = value;
                    else runtime = value;
                    break;
                case "--check" when value is null:
                    check = true;
                    break;
                case "--help" or "-h" when value is null:
                    help = true;
                    break;
                case "--version" when value is null:
                    version = true;
                    break;
                default:
                    return (null, Explain(daemon, $"unknown argument '{arguments[i]}'"));
            }
        }

        file ??= $"/etc/estprov/{daemon}.toml";
        folder ??= (file.EndsWith(".toml", StringComparison.Ordinal) ? file[..^5] : file) + ".d";
        return (new DaemonArguments
        {
            ConfigFile = file,
            ConfigDir = folder,
            RuntimeDir = runtime ?? "/run/estprov",
            Check = check,
            Help = help,
            Version = version,
        }, null);
    }

    public static string Usage(string daemon) => $"""
        usage: estprov-{daemon} [--config FILE] [--config-dir DIR] [--runtime-dir DIR] [--check]

          --config FILE       configuration; default /etc/estprov/{daemon}.toml
          --config-dir DIR    its *.toml are merged in byte order; default FILE without .toml, plus .d
          --runtime-dir DIR   folder of the sockets; default /run/estprov
          --check             read the configuration, say all that is wrong with it, and end
          --version           say the version and end
        """;

    private static string Explain(string daemon, string what) => $"error: {what}\nhint: estprov-{daemon} --help says what there is";
}
