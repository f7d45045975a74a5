namespace EstProv.Configuration.Schema;

/// <summary>What goes with one word of a setting that others in its table depend on, such as <c>source = "manual"</c>.</summary>
internal sealed record Variant(string Word)
{
    /// <summary>Must be there.</summary>
    public IReadOnlyList<Setting> Needed { get; init; } = [];

    /// <summary>May be there.</summary>
    public IReadOnlyList<Setting> Possible { get; init; } = [];

    public IReadOnlyList<Section> NeededTables { get; init; } = [];

    public IReadOnlyList<Section> PossibleTables { get; init; } = [];

    public bool Has(string name) => IsIn(Needed, name) || IsIn(Possible, name) || IsIn(NeededTables, name) || IsIn(PossibleTables, name);

    private static bool IsIn(IReadOnlyList<Setting> settings, string name)
    {
        foreach (var setting in settings)
        {
            if (setting.Name == name) return true;
        }

        return false;
    }

    private static bool IsIn(IReadOnlyList<Section> tables, string name)
    {
        foreach (var table in tables)
        {
            if (table.Name == name) return true;
        }

        return false;
    }
}
