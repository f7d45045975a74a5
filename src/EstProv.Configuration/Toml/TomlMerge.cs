namespace EstProv.Configuration.Toml;

/// <summary>Lays a drop-in over what was read before it.</summary>
internal static class TomlMerge
{
    /// <summary>The files laid over one another in their order; null where none can be read.</summary>
    /// <param name="complete">Set to false where one cannot be read; the problems say why.</param>
    public static TomlTable? Read(ConfigurationFiles files, List<string> names, Problems problems, ref bool complete)
    {
        TomlTable? root = null;
        foreach (var name in names)
        {
            if (files.Read(name, problems) is not { } text || TomlReader.Read(text, name, problems) is not { } tree)
            {
                complete = false;
                continue;
            }

            if (root is null) root = tree;
            else Into(root, tree);
        }

        return root;
    }

    /// <summary>
    /// Tables merge; values and arrays replace; a root array of tables written as <c>[[name]]</c> appends to one before it. Every node
    /// keeps the position of the file that it came from, a merged table that of the file that had it first.
    /// </summary>
    public static void Into(TomlTable below, TomlTable above) => Into(below, above, root: true);

    private static void Into(TomlTable below, TomlTable above, bool root)
    {
        foreach (var entry in above.Entries)
        {
            switch (below.Find(entry.Name))
            {
                case null:
                    below.Add(entry);
                    break;
                case { Value: TomlTable table } when entry.Value is TomlTable added:
                    Into(table, added, root: false);
                    break;
                case { Value: TomlArray list } when root && entry.Value is TomlArray { FromHeaders: true } more:
                    list.Items.AddRange(more.Items);
                    break;
                default:
                    below.Replace(entry);
                    break;
            }
        }
    }
}
