using EstProv.Configuration.Certd;
using EstProv.Configuration.Identityd;
using EstProv.Configuration.Keyd;
using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Redacted;

/// <summary>
/// A configuration for other people's eyes: one line a value, without comments. Shown is only what the schema knows and does not call
/// secret; of the rest, and of
/// headers, only that it is there.
/// </summary>
public static class RedactedConfiguration
{
    private const string Hidden = "…";

    /// <param name="daemon"><c>keyd</c>, <c>certd</c> or <c>identityd</c>.</param>
    /// <param name="file">Need not be readable: then it says why.</param>
    public static void Write(TextWriter output, string daemon, string file, string dropInFolder)
    {
        var schema = daemon switch { "keyd" => KeydSchema.File, "certd" => CertdSchema.File, _ => IdentitydSchema.File };
        var files = new ConfigurationFiles();
        var problems = new Problems();
        var names = new List<string> { file };
        names.AddRange(files.DropIns(dropInFolder, problems));
        foreach (var name in names)
        {
            output.Write($"# {name}\n");
            if (files.Read(name, problems) is { } text && TomlReader.Read(text, name, problems) is { } tree)
                Write(output, tree, schema, "");
        }

        files.Secrets.Dispose();
        var loaded = problems.Finish<string>(null, names);
        output.Write(loaded.ToTerminalText());
    }

    private static void Write(TextWriter output, TomlTable table, Section? schema, string path)
    {
        foreach (var entry in table.Entries)
        {
            var key = Shown.Key(path, entry.Name);
            var section = schema?.FindSection(entry.Name);
            var setting = section is null ? schema?.FindSetting(entry.Name) ?? schema?.Entry : null;
            if (schema is { Name: "headers" }) setting = null;
            switch (entry.Value)
            {
                case TomlTable inner:
                    Write(output, inner, section ?? setting?.Table, key);
                    break;
                case TomlArray { FromHeaders: true } list:
                    for (var i = 0; i < list.Items.Count; i++)
                    {
                        if (list.Items[i] is TomlTable item) Write(output, item, section, $"{key}[{i}]");
                    }

                    break;
                default:
                    output.Write($"{key} = {(setting is null or { Secret: true } ? Hidden : Text(entry.Value))}\n");
                    break;
            }
        }
    }

    private static string Text(TomlNode value) => value switch
    {
        TomlArray array => $"[{string.Join(", ", array.Items.ConvertAll(Text))}]",
        TomlTable => Hidden,
        _ => value.Kind == TomlKind.Text ? Shown.Value(value.Text) : value.Text,
    };
}
