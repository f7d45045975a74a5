namespace EstProv.Configuration.Schema;

/// <summary>A table of a file, or the file itself.</summary>
internal sealed class Section(string name, string summary)
{
    /// <summary>The last part of its header; empty for the file itself.</summary>
    public string Name { get; } = name;

    /// <summary>What it is, in Markdown, for the reference.</summary>
    public string Summary { get; } = summary;

    public bool Required { get; init; }

    /// <summary><c>[[name]]</c>: any number of them.</summary>
    public bool Repeated { get; init; }

    public IReadOnlyList<Setting> Settings { get; init; } = [];

    /// <summary>What the reference's example shows; null for all, where all go together.</summary>
    public IReadOnlyList<Setting>? ExampleSettings { get; init; }

    public IReadOnlyList<Section> Sections { get; init; } = [];

    /// <summary>What stands under keys that the operator chooses; null when there are none.</summary>
    public Setting? Entry { get; init; }

    public Setting? FindSetting(string name)
    {
        foreach (var setting in Settings)
        {
            if (setting.Name == name) return setting;
        }

        return null;
    }

    public Section? FindSection(string name)
    {
        foreach (var section in Sections)
        {
            if (section.Name == name) return section;
        }

        return null;
    }
}
