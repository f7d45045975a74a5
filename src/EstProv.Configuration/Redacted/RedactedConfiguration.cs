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

    /// <summary>What holds after all files have been read, each value with its place.</summary>
    /// <param name="daemon"><c>keyd</c>, <c>certd</c> or <c>identityd</c>.</param>
    /// <param name="errors">What could not be read, in two-line form.</param>
    /// <returns>Whether all could be read.</returns>
    public static bool WriteMerged(TextWriter output, TextWriter errors, string daemon, string file, string dropInFolder)
    {
        var files = new ConfigurationFiles();
        var problems = new Problems();
        var names = new List<string> { file };
        names.AddRange(files.DropIns(dropInFolder, problems));
        var complete = true;
        var merged = TomlMerge.Read(files, names, problems, ref complete);
        files.Secrets.Dispose();
        if (merged is not null) Write(output, merged, SchemaOf(daemon), "", withPlaces: true);
        var loaded = problems.Finish<string>(null, names);
        errors.Write(loaded.ToTerminalText());
        return loaded.Errors.Count == 0;
    }

    /// <summary>File after file, as they are.</summary>
    /// <param name="daemon"><c>keyd</c>, <c>certd</c> or <c>identityd</c>.</param>
    /// <param name="file">Need not be readable: then it says why.</param>
    public static void Write(TextWriter output, string daemon, string file, string dropInFolder)
    {
        var files = new ConfigurationFiles();
        var problems = new Problems();
        var names = new List<string> { file };
        names.AddRange(files.DropIns(dropInFolder, problems));
        foreach (var name in names)
        {
            output.Write($"# {name}\n");
            if (files.Read(name, problems) is { } text && TomlReader.Read(text, name, problems) is { } tree)
                Write(output, tree, SchemaOf(daemon), "", withPlaces: false);
        }

        files.Secrets.Dispose();
        var loaded = problems.Finish<string>(null, names);
        output.Write(loaded.ToTerminalText());
    }

    private static Section SchemaOf(string daemon) => daemon switch { "keyd" => KeydSchema.File, "certd" => CertdSchema.File, _ => IdentitydSchema.File };

    private static void Write(TextWriter output, TomlTable table, Section? schema, string path, bool withPlaces)
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
                    Write(output, inner, section ?? setting?.Table, key, withPlaces);
                    break;
                case TomlArray { FromHeaders: true } list:
                    for (var i = 0; i < list.Items.Count; i++)
                    {
                        if (list.Items[i] is TomlTable item) Write(output, item, section, $"{key}[{i}]", withPlaces);
                    }

                    break;
                default:
                    output.Write($"{key} = {(setting is null or { Secret: true } ? Hidden : Text(entry.Value))}{(withPlaces ? $"  # {entry.Position}" : "")}\n");
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
