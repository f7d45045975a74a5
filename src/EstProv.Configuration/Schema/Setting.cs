namespace EstProv.Configuration.Schema;

internal enum SettingKind
{
    Text,
    Integer,
    Boolean,
    TextList,
    TextOrList,
    TextOrTable,
}

/// <summary>
/// One key of a file: what it may hold and what it means, in the one place that both the reader and the generated reference use.
/// </summary>
internal sealed class Setting(string name, SettingKind kind, string summary)
{
    /// <summary>The key; for the entries of a table whose keys are the operator's own, what they are, such as <c>ID</c>.</summary>
    public string Name { get; } = name;

    public SettingKind Kind { get; } = kind;

    /// <summary>What it means, in Markdown, for the reference.</summary>
    public string Summary { get; } = summary;

    public bool Required { get; init; }

    /// <summary>What holds without it, in Markdown; empty when nothing does.</summary>
    public string Default { get; init; } = "";

    /// <summary>The words that a string, or each string of an array, may be; empty when any may.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    public long Smallest { get; init; }

    public long Largest { get; init; } = long.MaxValue;

    /// <summary>What a string must look like, for messages: <c>an absolute path</c>.</summary>
    public string Form { get; init; } = "";

    /// <summary>What each string of an array must look like.</summary>
    public string ElementForm { get; init; } = "";

    /// <summary>What this version does in place of a word that it does not know; empty when the words speak for themselves.</summary>
    public string VersionHint { get; init; } = "";

    /// <summary>Judges a string, or each string of an array.</summary>
    public Func<string, Fault?>? Check { get; init; }

    /// <summary>The value may carry a PIN: messages show none of it, since a damaged one hides it badly.</summary>
    public bool Secret { get; init; }

    /// <summary>A value as it is written in a file, for hints.</summary>
    public required string Example { get; init; }

    /// <summary>A key that an operator could choose; empty where <see cref="Name"/> is the key.</summary>
    public string ExampleName { get; init; } = "";

    /// <summary>The table's form of an entry, where <see cref="Kind"/> has one.</summary>
    public Section? Table { get; init; }

    /// <summary>The end of a sentence that says what may stand here.</summary>
    public string Allowed => Kind switch
    {
        SettingKind.Integer => $"an integer from {Smallest} to {Largest}",
        SettingKind.Boolean => "true or false",
        SettingKind.TextList => $"an array of strings, each {AllowedElement}",
        SettingKind.TextOrList => $"{Form}, or an array of strings, each {AllowedElement}",
        SettingKind.TextOrTable => $"{Words("a string")}, or a table",
        _ => Words(Form.Length > 0 ? Form : "a string"),
    };

    /// <summary>The same for an element of the array.</summary>
    public string AllowedElement => Words(ElementForm.Length > 0 ? ElementForm : "a string");

    private string Words(string otherwise) => Choices.Count == 0 ? otherwise : string.Join(" or ", Choices.Select(static word => $"\"{word}\""));
}
