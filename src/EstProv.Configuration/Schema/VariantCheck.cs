using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Schema;

/// <summary>
/// Holds a table against the variant that one of its settings chooses: what is missing, and what belongs to another variant.
/// </summary>
internal static class VariantCheck
{
    /// <param name="path">The table's.</param>
    /// <param name="word">The setting that chooses.</param>
    public static void Run(TomlView table, string path, Setting word, IReadOnlyList<Variant> variants, BindContext context)
    {
        if (!table.Exists || table.Text(word) is not { } chosen || Find(variants, chosen.Value) is not { } variant) return;
        var choice = $"{word.Name} = \"{variant.Word}\"";
        foreach (var entry in table.Entries)
        {
            if (variant.Has(entry.Name) || Others(variants, entry.Name, word) is not { Length: > 0 } others) continue;
            context.Problems.Error(entry.Position, $"{Shown.Key(path, entry.Name)} does not go with {choice}",
                $"it belongs to {others}; take it away, or change {word.Name}");
        }

        if (!context.Complete) return;
        foreach (var setting in variant.Needed)
        {
            if (table.Has(setting)) continue;
            context.Problems.Error(table.Position, $"[{path}] has no {setting.Name}, which {choice} needs; allowed: {setting.Allowed}",
                $"add {setting.Name} = {setting.Example}");
        }

        foreach (var inner in variant.NeededTables)
        {
            if (table.Find(inner.Name) is not null) continue;
            context.Problems.Error(table.Position, $"the table [{Shown.Key(path, inner.Name)}] is missing, which {choice} needs",
                $"add [{Shown.Key(path, inner.Name)}] with {string.Join(", ", RequiredOf(inner))}");
        }
    }

    private static Variant? Find(IReadOnlyList<Variant> variants, string word)
    {
        foreach (var variant in variants)
        {
            if (variant.Word == word) return variant;
        }

        return null;
    }

    /// <summary>Empty for what goes with all of them, or is not known.</summary>
    private static string Others(IReadOnlyList<Variant> variants, string name, Setting word)
    {
        var text = "";
        foreach (var variant in variants)
        {
            if (variant.Has(name)) text += $"{(text.Length == 0 ? "" : " or ")}{word.Name} = \"{variant.Word}\"";
        }

        return text;
    }

    private static List<string> RequiredOf(Section section)
    {
        var names = new List<string>();
        foreach (var setting in section.Settings)
        {
            if (setting.Required) names.Add(setting.Name);
        }

        return names;
    }
}
