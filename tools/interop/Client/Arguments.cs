namespace EstProv.Interop;

/// <summary>The operation, then options as <c>--name value</c>; each comes once, and one that nobody knows is an error.</summary>
internal sealed class Arguments
{
    private static readonly string[] Known =
        ["url", "trust", "cert", "key", "user", "password-file", "subject", "dns", "key-type", "ca", "out", "key-out", "key-in", "polls", "wait", "bind", "digest", "attributes"];

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    public Arguments(string[] arguments)
    {
        Operation = arguments.Length > 0 ? arguments[0] : throw new UsageException("an operation is due: cacerts, csrattrs, enroll, reenroll");
        for (var i = 1; i < arguments.Length; i += 2)
        {
            var name = arguments[i].StartsWith("--", StringComparison.Ordinal) ? arguments[i][2..] : "";
            if (!Known.Contains(name)) throw new UsageException($"'{arguments[i]}' is none of --{string.Join(", --", Known)}");
            if (i + 1 >= arguments.Length) throw new UsageException($"--{name} takes a value");
            if (!_values.TryAdd(name, arguments[i + 1])) throw new UsageException($"--{name} comes once");
        }
    }

    public string Operation { get; }

    public string? this[string name] => _values.GetValueOrDefault(name);

    public string Required(string name) => this[name] ?? throw new UsageException($"--{name} is due");

    public int Number(string name, int otherwise) =>
        this[name] is not { } text ? otherwise : int.TryParse(text, out var number) && number >= 0 ? number : throw new UsageException($"--{name}: no number");
}
