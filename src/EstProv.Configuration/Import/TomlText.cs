using System.Text;

namespace EstProv.Configuration.Import;

/// <summary>A TOML file that is being written, table by table.</summary>
internal sealed class TomlText
{
    private readonly List<string> _headers = [""];
    private readonly List<StringBuilder> _lines = [new StringBuilder()];

    /// <param name="table">Its dotted name; empty for the file's own keys.</param>
    /// <param name="value">As TOML.</param>
    public void Set(string table, string key, string value)
    {
        var header = table.Length == 0 ? "" : $"[{table}]";
        if (_headers.IndexOf(header) is var index && index < 0)
        {
            index = _headers.Count;
            Add(header, new StringBuilder());
        }

        _lines[index].Append(Quote(key)).Append(" = ").Append(value).Append('\n');
    }

    /// <summary>One more <c>[[principal]]</c>.</summary>
    public void AddPrincipal(StringBuilder lines) => Add("[[principal]]", lines);

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
        for (var i = 0; i < _lines.Count; i++)
        {
            if (_lines[i].Length == 0) continue;
            if (text.Length > 0) text.Append('\n');
            if (_headers[i].Length > 0) text.Append(_headers[i]).Append('\n');
            text.Append(_lines[i]);
        }

        return text.ToString();
    }

    private void Add(string header, StringBuilder lines)
    {
        _headers.Add(header);
        _lines.Add(lines);
    }
}
