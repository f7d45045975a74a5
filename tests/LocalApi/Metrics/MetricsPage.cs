using System.Text.RegularExpressions;

namespace EstProv.LocalApi.Tests.Metrics;

/// <summary>The names of metrics in a README's table, and in an answer of <c>GET /metrics</c>.</summary>
internal static partial class MetricsPage
{
    /// <param name="readme">Beside the tests.</param>
    public static IReadOnlyList<string> Documented(string readme)
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, readme));
        var begin = page.IndexOf("\n## Metrics\n", StringComparison.Ordinal);
        Assert.That(begin, Is.Positive);
        var rows = page[begin..page.IndexOf("\n## ", begin + 1, StringComparison.Ordinal)].Split('\n')
            .Where(static line => line.StartsWith("| `", StringComparison.Ordinal));
        return [.. rows.Select(static row => $"{row.Split('`')[1]} {row.Split('|')[2].Trim()}").Order(StringComparer.Ordinal)];
    }

    /// <summary>Each line is one of the format's; names and types, in order.</summary>
    public static IReadOnlyList<string> Served(string text)
    {
        Assert.That(text, Does.EndWith("\n"));
        var names = new List<string>();
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal)) names.Add(line[7..]);
            else Assert.That(Sample().IsMatch(line) && line.StartsWith(names[^1].Split(' ')[0], StringComparison.Ordinal), line);
        }

        return [.. names.Order(StringComparer.Ordinal)];
    }

    /// <summary>The value of a metric without labels, or with the labels as they are served.</summary>
    public static double Value(string text, string name)
    {
        var line = text.Split('\n').Single(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return double.Parse(line[(name.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("^[a-z_]+(\\{" + Label + "(," + Label + ")?\\})? -?[0-9.E+]+$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Sample();

    private const string Label = "[a-z]+=\"([^\"\\\\\n]|\\\\[\"\\\\n])*\"";
}
