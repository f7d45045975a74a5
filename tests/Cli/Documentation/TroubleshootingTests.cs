using System.Text.RegularExpressions;

namespace EstProv.Cli.Tests.Documentation;

/// <summary>The page 'Troubleshooting by message' has every problem that somebody at a device can meet.</summary>
public sealed partial class TroubleshootingTests
{
    /// <summary>What only the author of a program meets who speaks to the sockets: requests that are wrong in themselves.</summary>
    private static readonly HashSet<string> s_callers = new(StringComparer.Ordinal)
    {
        "api_version_missing", "api_version_unknown", "bad_json", "bad_request", "body_missing", "body_too_large", "expectation_failed",
        "field_missing", "head_too_large", "http_version", "identity_type", "local_id_options", "module_id", "not_found",
        "parameter_not_found", "target_too_long", "transfer_encoding", "wrong_method",
    };

    /// <summary>Words in the same places of the source that are no codes.</summary>
    private static readonly HashSet<string> s_others = new(StringComparer.Ordinal) { "basic", "crypto" };

    private static readonly Lazy<List<string>> s_page = new(static () =>
        [.. CodesOf(File.ReadAllLines(Path.Combine(MarkdownPage.Root, "src/EstProv.Cli/TROUBLESHOOTING.md")))]);

    [Test]
    public void Every_problem_of_the_source_stands_in_the_page()
        => Assert.That(ErrorCodes.OfTheSource().Except(s_callers).Except(s_others).Except(s_page.Value), Is.Empty);

    [Test]
    public void Every_problem_of_the_page_is_one_of_the_source() => Assert.That(s_page.Value.Except(ErrorCodes.OfTheSource()), Is.Empty);

    [Test]
    public void No_problem_stands_in_the_page_twice()
    {
        Assert.That(s_page.Value, Is.Unique);
        Assert.That(s_page.Value, Has.Count.GreaterThan(200));
    }

    [Test]
    public void What_is_left_out_is_there_to_be_left_out()
        => Assert.That(s_callers.Concat(s_others).Except(ErrorCodes.OfTheSource()), Is.Empty);

    /// <summary>Those of the first column; every row tells cause and action.</summary>
    private static IEnumerable<string> CodesOf(string[] lines)
    {
        foreach (var line in lines)
        {
            if (!line.StartsWith("| `", StringComparison.Ordinal)) continue;
            var cells = line.Split(" | ");
            Assert.That(cells, Has.Length.EqualTo(3).And.All.Length.GreaterThan(1), line);
            foreach (Match code in Code().Matches(cells[0])) yield return code.Groups["code"].Value;
        }
    }

    [GeneratedRegex("`(?<code>[a-z0-9_]+)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Code();
}
