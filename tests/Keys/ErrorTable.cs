using System.Text.RegularExpressions;

namespace EstProv.Keys.Tests;

/// <summary>The table of errors in the README.</summary>
internal static partial class ErrorTable
{
    private static readonly Lazy<IReadOnlyList<string>> s_codes = new(Read);

    /// <summary>Every code; one that ends with <c>*</c> stands for several.</summary>
    public static IReadOnlyList<string> Codes => s_codes.Value;

    private static List<string> Read()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "EstProv.Keys", "README.md"));
        var begin = page.IndexOf("\n## Errors\n", StringComparison.Ordinal);
        Assert.That(begin, Is.Positive);
        var rows = page[begin..page.IndexOf("\n## ", begin + 1, StringComparison.Ordinal)].Split('\n').Where(static line => line.StartsWith("| `", StringComparison.Ordinal));
        return [.. rows.SelectMany(static row => Quoted().Matches(row.Split('|')[1]).Select(static match => match.Groups["code"].Value))];
    }

    [GeneratedRegex("`(?<code>[a-z0-9_*]+)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Quoted();
}
