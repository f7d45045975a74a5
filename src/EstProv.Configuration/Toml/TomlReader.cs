using Tomlyn;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace EstProv.Configuration.Toml;

/// <summary>
/// One file's text to a tree. Tomlyn's syntax tree has every position; what TOML says of keys and tables that stand twice is judged
/// here, since Tomlyn's own texts for that quote the file, secrets included.
/// </summary>
internal sealed class TomlReader
{
    // The schemas need 4.
    private const int DeepestNesting = 16;

    private readonly string _file;
    private readonly Problems _problems;
    private readonly TomlTable _root;

    private TomlReader(string file, Problems problems)
    {
        _file = file;
        _problems = problems;
        _root = new TomlTable(new Position(file, 1, 1), TableOrigin.Header);
    }

    /// <summary>The tree, or null when the text is not TOML: then the problems say where.</summary>
    public static TomlTable? Read(string text, string file, Problems problems)
    {
        DocumentSyntax document;
        try
        {
            document = SyntaxParser.Parse(text, new TomlSerializerOptions { MaxDepth = DeepestNesting }, file, validate: false);
        }
        catch (TomlException tooDeep)
        {
            problems.Error(new Position(file, tooDeep.Line ?? 0, tooDeep.Column ?? 0),
                $"arrays or tables are nested more than {DeepestNesting} deep", "is this the right file?");
            return null;
        }

        catch (Exception cause) when (cause is ArgumentException or InvalidOperationException or IndexOutOfRangeException)
        {
            // Tomlyn 2.10.2 throws for a backslash that ends the file inside a string, in place of a diagnostic.
            problems.Error(new Position(file, 0, 0), "not TOML", "is each string closed? The syntax is described at https://toml.io");
            return null;
        }

        if (document.HasErrors)
        {
            TomlSyntaxErrors.Report(document.Diagnostics, text, file, problems);
            return null;
        }

        var before = problems.ErrorCount;
        var reader = new TomlReader(file, problems);
        reader.Build(document);
        return problems.ErrorCount == before ? reader._root : null;
    }

    private void Build(DocumentSyntax document)
    {
        AddAll(_root, document.KeyValues, path: "");
        foreach (var table in document.Tables)
        {
            if (table.Name is null) continue;
            var names = Split(table.Name);
            var into = table is TableArraySyntax ? OpenElement(names, At(table)) : OpenTable(names, At(table));
            if (into is not null) AddAll(into, table.Items, Path(names, names.Count));
        }
    }

    private TomlTable? OpenTable(List<Name> names, Position position)
    {
        if (Descend(names) is not { } parent) return null;
        var last = names[^1];
        switch (parent.Find(last.Text))
        {
            case null:
                var table = new TomlTable(position, TableOrigin.Header);
                parent.Add(new TomlEntry(last.Text, last.Position, table));
                return table;
            case { Value: TomlTable { Origin: TableOrigin.Implied } implied }:
                implied.Origin = TableOrigin.Header;
                implied.Position = position;
                return implied;
            case var taken:
                Twice($"table [{Path(names, names.Count)}]", last.Position, taken);
                return null;
        }
    }

    private TomlTable? OpenElement(List<Name> names, Position position)
    {
        if (Descend(names) is not { } parent) return null;
        var last = names[^1];
        var element = new TomlTable(position, TableOrigin.Header);
        switch (parent.Find(last.Text))
        {
            case null:
                var list = new TomlArray(position, fromHeaders: true);
                list.Items.Add(element);
                parent.Add(new TomlEntry(last.Text, last.Position, list));
                return element;
            case { Value: TomlArray { FromHeaders: true } known }:
                known.Items.Add(element);
                return element;
            case var taken:
                Twice($"[[{Path(names, names.Count)}]]", last.Position, taken);
                return null;
        }
    }

    /// <summary>To the table in which the last part of a header stands.</summary>
    private TomlTable? Descend(List<Name> names)
    {
        var table = _root;
        for (var i = 0; i < names.Count - 1; i++)
        {
            if (TooDeep(names)) return null;
            switch (table.Find(names[i].Text))
            {
                case null:
                    var implied = new TomlTable(names[i].Position, TableOrigin.Implied);
                    table.Add(new TomlEntry(names[i].Text, names[i].Position, implied));
                    table = implied;
                    break;
                case { Value: TomlTable { Origin: not TableOrigin.Inline } known }:
                    table = known;
                    break;
                case { Value: TomlArray { FromHeaders: true } list }:
                    table = (TomlTable)list.Items[^1];
                    break;
                case var taken:
                    Twice(Path(names, i + 1), names[i].Position, taken);
                    return null;
            }
        }

        return table;
    }

    private void AddAll(TomlTable table, IEnumerable<KeyValueSyntax> items, string path)
    {
        foreach (var item in items)
        {
            if (item is { Key: { } key, Value: { } value }) Add(table, Split(key), value, path);
        }
    }

    private void Add(TomlTable table, List<Name> names, ValueSyntax value, string path)
    {
        if (TooDeep(names)) return;
        for (var i = 0; i < names.Count - 1; i++)
        {
            switch (table.Find(names[i].Text))
            {
                case null:
                    var dotted = new TomlTable(names[i].Position, TableOrigin.Dotted);
                    table.Add(new TomlEntry(names[i].Text, names[i].Position, dotted));
                    table = dotted;
                    break;
                case { Value: TomlTable { Origin: TableOrigin.Dotted } known }:
                    table = known;
                    break;
                case var taken:
                    Twice(Shown.Key(path, names[i].Text), names[i].Position, taken);
                    return;
            }

            path = Shown.Key(path, names[i].Text);
        }

        var last = names[^1];
        path = Shown.Key(path, last.Text);
        if (table.Find(last.Text) is { } before) Twice(path, last.Position, before);
        else table.Add(new TomlEntry(last.Text, last.Position, Value(value, path)));
    }

    private TomlNode Value(ValueSyntax value, string path)
    {
        var position = At(value);
        switch (value)
        {
            case StringValueSyntax text:
                return new TomlNode(TomlKind.Text, position) { Text = text.Value ?? "" };
            case IntegerValueSyntax integer:
                return new TomlNode(TomlKind.Integer, position) { Integer = integer.Value, Text = integer.Token?.Text ?? "" };
            case FloatValueSyntax number:
                return new TomlNode(TomlKind.Float, position) { Text = number.Token?.Text ?? "" };
            case BooleanValueSyntax boolean:
                return new TomlNode(TomlKind.Boolean, position) { Text = boolean.Value ? "true" : "false" };
            case DateTimeValueSyntax date:
                return new TomlNode(TomlKind.DateTime, position) { Text = date.Token?.Text ?? "" };
            case ArraySyntax items:
                var array = new TomlArray(position, fromHeaders: false);
                foreach (var item in items.Items)
                {
                    if (item.Value is { } one) array.Items.Add(Value(one, path));
                }

                return array;
            case InlineTableSyntax inline:
                var table = new TomlTable(position, TableOrigin.Header);
                foreach (var item in inline.Items)
                {
                    if (item.KeyValue is { Key: { } key, Value: { } of }) Add(table, Split(key), of, path);
                }

                // Only now: while its braces are open, dotted keys may still add to it.
                table.Origin = TableOrigin.Inline;
                return table;
            default:
                return new TomlNode(TomlKind.Text, position);
        }
    }

    private void Twice(string what, Position position, TomlEntry before) =>
        _problems.Error(position, $"{what} stands twice in this file", $"it stands at {before.Position} already: keep one of them");

    private bool TooDeep(List<Name> names)
    {
        if (names.Count <= DeepestNesting) return false;
        _problems.Error(names[0].Position, $"a key has {names.Count} dotted parts; allowed: {DeepestNesting}",
            "is this the right file? A name with dots in it stands in quotes");
        return true;
    }

    private readonly record struct Name(string Text, Position Position);

    private List<Name> Split(KeySyntax key)
    {
        var names = new List<Name>(2);
        Add(key.Key);
        foreach (var part in key.DotKeys) Add(part.Key);
        return names;

        void Add(BareKeyOrStringValueSyntax? part)
        {
            switch (part)
            {
                case BareKeySyntax bare:
                    names.Add(new Name(bare.Key?.Text ?? "", At(bare)));
                    break;
                case StringValueSyntax quoted:
                    names.Add(new Name(quoted.Value ?? "", At(quoted)));
                    break;
            }
        }
    }

    private static string Path(List<Name> names, int count)
    {
        var path = "";
        for (var i = 0; i < count; i++) path = Shown.Key(path, names[i].Text);
        return path;
    }

    private Position At(SyntaxNode node) => new(_file, node.Span.Start.Line + 1, node.Span.Start.Column + 1);
}
