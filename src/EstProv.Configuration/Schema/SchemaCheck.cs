using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Schema;

/// <summary>Holds a tree against a schema: unknown keys, wrong types and values, and what is missing.</summary>
internal sealed class SchemaCheck(Section file, Problems problems, bool complete)
{
    private static readonly string IdHint = $"an id is 1 to {Forms.LongestId} characters on one line, such as \"device-id\"";

    /// <param name="complete">Whether every file could be read; if not, what seems missing may stand in the one that could not.</param>
    public static void Run(TomlTable root, Section file, Problems problems, bool complete) =>
        new SchemaCheck(file, problems, complete).Check(root, file, path: "");

    private void Check(TomlTable table, Section section, string path)
    {
        foreach (var entry in table.Entries)
        {
            var key = Shown.Key(path, entry.Name);
            if (section.FindSetting(entry.Name) is { } setting) CheckValue(entry.Value, setting, key);
            else if (section.FindSection(entry.Name) is { } inner) CheckSection(entry.Value, inner, key);
            else if (section.Entry is not null) CheckEntry(entry, section.Entry, key);
            else Unknown(entry, section, path, key);
        }

        if (!complete) return;
        foreach (var setting in section.Settings)
        {
            if (setting.Required && table.Find(setting.Name) is null)
            {
                problems.Error(table.Position, $"{Header(section, path)} has no {setting.Name}; allowed: {setting.Allowed}",
                    $"add {setting.Name} = {setting.Example}");
            }
        }

        foreach (var inner in section.Sections)
        {
            if (inner.Required && table.Find(inner.Name) is null)
            {
                problems.Error(table.Position, $"the table [{Shown.Key(path, inner.Name)}] is missing", Outline(inner, Shown.Key(path, inner.Name)));
            }
        }
    }

    private void CheckSection(TomlNode node, Section section, string path)
    {
        if (!section.Repeated)
        {
            if (node is TomlTable table) Check(table, section, path);
            else problems.Error(node.Position, $"{path} {Is(node, secret: false)}; allowed: a table", $"write [{path}] and its keys below");
            return;
        }

        if (node is not TomlArray list)
        {
            problems.Error(node.Position, $"{path} {Is(node, secret: false)}; allowed: any number of tables [[{path}]]", "double the brackets");
            return;
        }

        foreach (var item in list.Items)
        {
            if (item is TomlTable element) Check(element, section, path);
            else problems.Error(item.Position, $"{path} has an element that {Is(item, secret: false)}; allowed: tables [[{path}]]",
                "double the brackets");
        }
    }

    private void CheckEntry(TomlEntry entry, Setting setting, string path)
    {
        if (Forms.Id(entry.Name) is { } fault) problems.Error(entry.Position, $"{path}: the id {fault.What}", IdHint);
        CheckValue(entry.Value, setting, path);
    }

    private void CheckValue(TomlNode node, Setting setting, string path)
    {
        switch (node)
        {
            case TomlTable table when setting.Table is not null:
                Check(table, setting.Table, path);
                break;
            case TomlArray list when setting.Kind is SettingKind.TextList or SettingKind.TextOrList:
                foreach (var item in list.Items)
                {
                    if (item.Kind != TomlKind.Text) WrongType(item, setting, path, isElement: true);
                    else CheckText(item, setting, path, isElement: true);
                }

                break;
            case { Kind: TomlKind.Text } when setting.Kind is not (SettingKind.Integer or SettingKind.Boolean or SettingKind.TextList):
                CheckText(node, setting, path, isElement: false);
                break;
            case { Kind: TomlKind.Boolean } when setting.Kind is SettingKind.Boolean:
                break;
            case { Kind: TomlKind.Integer } when setting.Kind is SettingKind.Integer:
                if (node.Integer < setting.Smallest || node.Integer > setting.Largest)
                {
                    problems.Error(node.Position, $"{path} = {node.Integer} is out of range; allowed: {setting.Allowed}",
                        Example(setting, path, isElement: false));
                }

                break;
            default:
                WrongType(node, setting, path, isElement: false);
                break;
        }
    }

    private void WrongType(TomlNode node, Setting setting, string path, bool isElement) =>
        problems.Error(node.Position,
            $"{path} {(isElement ? "has an element that " : "")}{Is(node, setting.Secret)}; allowed: {(isElement ? setting.AllowedElement : setting.Allowed)}",
            Example(setting, path, isElement));

    private static string Example(Setting setting, string path, bool isElement) => isElement && setting.Kind == SettingKind.TextOrList
        ? "write an id in quotes, such as \"est-ca\""
        : $"such as {Shown.Key("", Last(path))} = {setting.Example}";

    private void CheckText(TomlNode node, Setting setting, string path, bool isElement)
    {
        var fault = Forms.Text(node.Text);
        if (fault is null && setting.Choices.Count > 0 && !setting.Choices.Contains(node.Text))
        {
            fault = new Fault("is not known", NearestName.Find(node.Text, setting.Choices) is { } near ? $"did you mean \"{near}\"?" : setting.VersionHint);
        }

        fault ??= isElement && setting.Kind == SettingKind.TextOrList
            ? Forms.Id(node.Text) is { } id ? id with { Hint = IdHint } : null
            : setting.Check?.Invoke(node.Text);
        if (fault is null) return;
        var shown = setting.Secret ? "…" : Shown.Value(node.Text);
        var subject = isElement ? $"{path} has {shown}, which" : $"{path} = {shown}";
        problems.Error(node.Position, $"{subject} {fault.What}; allowed: {(isElement ? setting.AllowedElement : setting.Allowed)}",
            fault.Hint.Length > 0 ? fault.Hint : Example(setting, path, isElement));
    }

    private void Unknown(TomlEntry entry, Section section, string path, string key)
    {
        var names = section.Settings.Select(static setting => setting.Name).Concat(section.Sections.Select(static inner => inner.Name)).ToArray();
        var what = entry.Value.Kind == TomlKind.Table ? $"unknown table [{key}]" : $"unknown key {key}";
        string hint;
        if (NearestName.Find(entry.Name, names) is { } near) hint = $"did you mean {near}?";
        else if (section != file && file.FindSetting(entry.Name) is not null) hint = $"{entry.Name} stands at the top of the file, before the first [table]";
        else hint = path.Length == 0 ? $"allowed at the top of the file: {string.Join(", ", names)}" : $"allowed in {Header(section, path)}: {string.Join(", ", names)}";
        problems.Error(entry.Position, what, hint);
    }

    private static string Is(TomlNode node, bool secret)
    {
        var (article, kind, value) = node.Kind switch
        {
            TomlKind.Text => ("a", "string", Shown.Value(node.Text)),
            TomlKind.Integer => ("an", "integer", Shown.Plain(node.Text)),
            TomlKind.Float => ("a", "number", Shown.Plain(node.Text)),
            TomlKind.Boolean => ("a", "boolean", node.Text),
            TomlKind.DateTime => ("a", "date", node.Text),
            TomlKind.Array => ("an", "array", ""),
            _ => ("a", "table", ""),
        };
        return secret || value.Length == 0 ? $"is {article} {kind}" : $"is the {kind} {value}";
    }

    private static string Header(Section section, string path) =>
        path.Length == 0 ? "the file" : section.Repeated ? $"[[{path}]]" : $"[{path}]";

    private static string Outline(Section section, string path) =>
        $"add [{path}] with {string.Join(", ", section.Settings.Where(static setting => setting.Required).Select(static setting => setting.Name))}";

    private static string Last(string path) => path[(path.LastIndexOf('.') + 1)..].Trim('"');
}
