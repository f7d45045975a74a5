namespace EstProv.Configuration.Toml;

internal enum TomlKind
{
    Text,
    Integer,
    Float,
    Boolean,
    DateTime,
    Array,
    Table,
}

/// <summary>A value of a file and where it stands.</summary>
internal class TomlNode(TomlKind kind, Position position)
{
    public TomlKind Kind { get; } = kind;

    public Position Position { get; set; } = position;

    /// <summary>The string's text, else the value as it is written.</summary>
    public string Text { get; init; } = "";

    public long Integer { get; init; }
}

/// <summary>An array, of values or of tables.</summary>
internal sealed class TomlArray(Position position, bool fromHeaders) : TomlNode(TomlKind.Array, position)
{
    public List<TomlNode> Items { get; } = [];

    /// <summary>Written as <c>[[name]]</c> rather than <c>name = […]</c>.</summary>
    public bool FromHeaders { get; } = fromHeaders;
}

/// <summary>How a table came to be, which decides what may still be added to it (TOML 1.0, sections Table and Keys).</summary>
internal enum TableOrigin
{
    /// <summary>Named only as part of a longer header.</summary>
    Implied,

    /// <summary>Its own <c>[header]</c>.</summary>
    Header,

    /// <summary>A dotted key.</summary>
    Dotted,

    /// <summary><c>{ … }</c>, closed for ever.</summary>
    Inline,
}

/// <summary>A table; its entries keep their order.</summary>
internal sealed class TomlTable(Position position, TableOrigin origin) : TomlNode(TomlKind.Table, position)
{
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);
    private readonly List<TomlEntry> _entries = [];

    public TableOrigin Origin { get; set; } = origin;

    public IReadOnlyList<TomlEntry> Entries => _entries;

    public TomlEntry? Find(string name) => _index.TryGetValue(name, out var index) ? _entries[index] : null;

    public void Add(TomlEntry entry)
    {
        _index.Add(entry.Name, _entries.Count);
        _entries.Add(entry);
    }

    public void Replace(TomlEntry entry) => _entries[_index[entry.Name]] = entry;
}

/// <summary>A key, where it stands, and its value.</summary>
internal sealed record TomlEntry(string Name, Position Position, TomlNode Value);
