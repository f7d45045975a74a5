using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Toml;

/// <summary>Reads settings from a table that a schema has been held against: a value of the wrong type counts as none.</summary>
internal readonly struct TomlView(TomlTable? table, Position otherwise)
{
    private readonly TomlTable? _table = table;

    /// <summary>Where the table stands; for one that is not there, where what it belongs to stands.</summary>
    public Position Position => _table?.Position ?? otherwise;

    public bool Exists => _table is not null;

    public IReadOnlyList<TomlEntry> Entries => _table?.Entries ?? [];

    /// <summary>Whether the key is there at all, be its value right or wrong.</summary>
    public bool Has(Setting setting) => _table?.Find(setting.Name) is not null;

    public TomlNode? Find(string name) => _table?.Find(name)?.Value;

    public Positioned<string>? Text(Setting setting) =>
        _table?.Find(setting.Name)?.Value is { Kind: TomlKind.Text } node ? new Positioned<string>(node.Text, node.Position) : null;

    public Positioned<long>? Integer(Setting setting) =>
        _table?.Find(setting.Name)?.Value is { Kind: TomlKind.Integer } node ? new Positioned<long>(node.Integer, node.Position) : null;

    public Positioned<bool>? Boolean(Setting setting) =>
        _table?.Find(setting.Name)?.Value is { Kind: TomlKind.Boolean } node ? new Positioned<bool>(node.Text == "true", node.Position) : null;

    public Positioned<IReadOnlyList<string>>? TextList(Setting setting) =>
        _table?.Find(setting.Name)?.Value is TomlArray list ? Texts(list) : null;

    public bool IsEmptyList(Setting setting) => _table?.Find(setting.Name)?.Value is TomlArray { Items.Count: 0 };

    public TomlView Table(Section section) => new(_table?.Find(section.Name)?.Value as TomlTable, Position);

    public IEnumerable<TomlView> Repeated(Section section)
    {
        if (_table?.Find(section.Name)?.Value is not TomlArray list) yield break;
        foreach (var item in list.Items)
        {
            if (item is TomlTable element) yield return new TomlView(element, element.Position);
        }
    }

    public static Positioned<IReadOnlyList<string>> Texts(TomlArray list)
    {
        var texts = new List<string>(list.Items.Count);
        foreach (var item in list.Items)
        {
            if (item.Kind == TomlKind.Text) texts.Add(item.Text);
        }

        return new Positioned<IReadOnlyList<string>>(texts, list.Position);
    }
}
