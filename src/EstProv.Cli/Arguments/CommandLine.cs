namespace EstProv.Cli.Arguments;

/// <summary>
/// A command's arguments, taken apart: options with and without value (<c>--name VALUE</c>, <c>--name=VALUE</c>), then words. After <c>--</c>
/// everything is a word.
/// </summary>
internal sealed class CommandLine
{
    private readonly Dictionary<string, string> _options = new(StringComparer.Ordinal);

    public List<string> Words { get; } = [];

    public bool Has(string option) => _options.ContainsKey(option);

    public string? Value(string option) => _options.GetValueOrDefault(option);

    /// <param name="options">The options that there are.</param>
    /// <exception cref="UsageException">An unknown option, one without its value or given twice; a text that is empty.</exception>
    public static CommandLine Parse(ReadOnlySpan<string> arguments, ReadOnlySpan<Option> options)
    {
        var line = new CommandLine();
        var onlyWords = false;
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            if (argument.Length == 0) throw new UsageException("an argument is empty: is it a variable that is not set?");
            if (onlyWords || argument.Length < 2 || argument[0] != '-')
            {
                line.Words.Add(argument);
                continue;
            }

            if (argument == "--")
            {
                onlyWords = true;
                continue;
            }

            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? argument : argument[..equals];
            var option = Find(options, name) ?? throw new UsageException($"unknown option '{name}'");
            string value;
            if (!option.TakesValue) value = equals < 0 ? "" : throw new UsageException($"{option.Name} takes no value");
            else if (equals >= 0) value = argument[(equals + 1)..];
            else value = i + 1 < arguments.Length ? arguments[++i] : throw new UsageException($"{option.Name} needs a value: {option.Name} {option.ValueName}");
            if (option.TakesValue && value.Length == 0) throw new UsageException($"{option.Name} has an empty value: is it a variable that is not set?");
            if (!line._options.TryAdd(option.Name, value)) throw new UsageException($"{option.Name} is given twice");
        }

        return line;
    }

    private static Option? Find(ReadOnlySpan<Option> options, string name)
    {
        foreach (var option in options)
        {
            if (option.Name == name || option.Short == name) return option;
        }

        return null;
    }
}
