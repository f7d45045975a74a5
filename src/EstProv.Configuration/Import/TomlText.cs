using System.Text;

namespace EstProv.Configuration.Import;

/// <summary>A TOML file that is being written, table by table.</summary>
internal sealed class TomlText
{
    private readonly List<(string Header, StringBuilder Lines)> _tables = [("", new StringBuilder())];

    public bool Has(string table) => _tables.Exists(known => known.Header == $"[{table}]");

    /// <param name="table">Its dotted name; empty for the file's own keys.</param>
    /// <param name="value">As TOML.</param>
    public void Set(string table, string key, string value)
    {
        var header = table.Length == 0 ? "" : $"[{table}]";
        var index = _tables.FindIndex(known => known.Header == header);
        if (index < 0)
        {
            index = _tables.Count;
            _tables.Add((header, new StringBuilder()));
        }

        _tables[index].Lines.Append(Quote(key)).Append(" = ").Append(value).Append('\n');
    }

    /// <summary>One more <c>[[principal]]</c>.</summary>
    public void AddPrincipal(StringBuilder lines) => _tables.Add(("[[principal]]", lines));

    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\') quoted.Append('\\').Append(c);
            else if (char.IsControl(c)) quoted.Append($"\\u{(int)c:X4}");
            else quoted.Append(c);
        }

        return quoted.Append('"').ToString();
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (header, lines) in _tables)
        {
            if (lines.Length == 0) continue;
            if (text.Length > 0) text.Append('\n');
            if (header.Length > 0) text.Append(header).Append('\n');
            text.Append(lines);
        }

        return text.ToString();
    }
}
