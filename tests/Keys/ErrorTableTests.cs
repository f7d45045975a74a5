using System.Text.RegularExpressions;

namespace EstProv.Keys.Tests;

/// <summary>The README's table of errors has every code of the source, and no other.</summary>
public sealed partial class ErrorTableTests
{
    private static readonly string s_folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "EstProv.Keys");

    [Test]
    public void Every_error_of_the_source_stands_in_the_table()
    {
        var missing = Thrown().Where(static code => !ErrorTable.Codes.Any(told => told == code || told.EndsWith('*') && code.StartsWith(told[..^1], StringComparison.Ordinal)));
        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void Every_error_of_the_table_is_one_of_the_source()
    {
        var thrown = Thrown().ToHashSet(StringComparer.Ordinal);
        Assert.That(thrown, Has.Count.GreaterThan(50));
        // Those with which the state on disk is written are thrown by the Platform.
        Assert.That(ErrorTable.Codes.Where(told => !thrown.Contains(told)), Is.EquivalentTo(new[] { "file_*", "disk_full", "too_many_files" }));
    }

    [Test]
    public void No_code_stands_in_the_table_twice() => Assert.That(ErrorTable.Codes, Is.Unique);

    private static IEnumerable<string> Thrown() => Directory.GetFiles(s_folder, "*.cs", SearchOption.AllDirectories)
        .SelectMany(static file => Code().Matches(File.ReadAllText(file)))
        .Select(static match => match.Groups["code"].Value).Distinct(StringComparer.Ordinal);

    // An error is made by 'new' with its code as first argument, or is a line of the log.
    [GeneratedRegex("""(?:\bnew(?: ProblemException)?\(\s*"|\bcode=)(?<code>[a-z][a-z0-9_]*)(?="\s*,|[;)])""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Code();
}
