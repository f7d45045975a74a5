using EstProv.Configuration.Certd;
using EstProv.Configuration.Identityd;
using EstProv.Configuration.Keyd;
using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Reference;

/// <summary>Writes the page of every key of every file, from the schemas that the files are read with.</summary>
public static class ConfigurationReference
{
    /// <summary>The page in Markdown, with LF at the ends of lines.</summary>
    public static void WriteMarkdown(TextWriter writer)
    {
        writer.Write("""
            # Configuration reference

            Generated from the schemas that the daemons read their files with (`estprov config reference`); do not edit it.

            A daemon reads its file, then each `*.toml` of the folder named like it with `.d` for `.toml`, in byte order of their names. Tables
            merge, values and arrays replace those read before, `[[principal]]` appends (`principal = []` at the top of a drop-in takes away
            those before it). An unknown key is an error.

            """.ReplaceLineEndings("\n"));
        Write(writer, KeydSchema.Daemon, KeydSchema.File);
        Write(writer, CertdSchema.Daemon, CertdSchema.File);
        Write(writer, IdentitydSchema.Daemon, IdentitydSchema.File);
    }

    private static void Write(TextWriter writer, string daemon, Section file)
    {
        writer.Write($"\n## {daemon}.toml\n\n{file.Summary}\n");
        WriteSettings(writer, file);
        foreach (var section in file.Sections) WriteSection(writer, section, section.Name);
    }

    private static void WriteSection(TextWriter writer, Section section, string path)
    {
        var header = section.Repeated ? $"[[{path}]]" : $"[{path}]";
        writer.Write($"\n### `{header}`{(section.Required ? " (required)" : "")}\n\n{section.Summary}\n");
        WriteSettings(writer, section);
        if (section.Settings.Count > 0 || section.Entry is not null) WriteExample(writer, section, header);
        if (section.Entry?.Table is { } table) WriteSection(writer, table, $"{path}.{table.Name}");
        foreach (var inner in section.Sections) WriteSection(writer, inner, $"{path}.{inner.Name}");
    }

    private static void WriteSettings(TextWriter writer, Section section)
    {
        writer.Write("\n| Key | Allowed | Without it | Meaning |\n|---|---|---|---|\n");
        foreach (var setting in section.Settings) WriteRow(writer, $"`{setting.Name}`", setting);
        if (section.Entry is { } entry) WriteRow(writer, $"*{entry.Name}*", entry);
    }

    private static void WriteRow(TextWriter writer, string name, Setting setting)
    {
        var without = setting.Required ? "an error" : setting.Default.Length > 0 ? setting.Default : "–";
        writer.Write($"| {name} | {Cell(setting.Allowed)} | {Cell(without)} | {Cell(setting.Summary)} |\n");
    }

    private static void WriteExample(TextWriter writer, Section section, string header)
    {
        writer.Write($"\n```toml\n{header}\n");
        foreach (var setting in section.ExampleSettings ?? section.Settings)
        {
            // Either uid or user; the name is the better example.
            if (setting != CommonSettings.Uid) writer.Write($"{setting.Name} = {setting.Example}\n");
        }

        if (section.Entry is { } entry) writer.Write($"{entry.ExampleName} = {entry.Example}\n");
        writer.Write("```\n");
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
