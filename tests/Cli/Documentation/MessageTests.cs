using System.Text.RegularExpressions;

namespace EstProv.Cli.Tests.Documentation;

/// <summary>
/// Each problem that a daemon can tell a user of stands in a file of <c>tests/Messages</c>, which a test of that daemon's holds it to. (What
/// the command says of its own stands in <c>Transcripts</c>, what is wrong with a configuration in <c>tests/Configuration/Cases</c>.)
/// </summary>
public sealed partial class MessageTests
{
    private static readonly string s_folder = Path.Combine(MarkdownPage.Root, "tests/Messages");

    private static readonly Lazy<Dictionary<string, string[]>> s_files = new(static () => Directory.GetFiles(s_folder, "*.txt")
        .ToDictionary(static file => Path.GetFileNameWithoutExtension(file), File.ReadAllLines, StringComparer.Ordinal));

    [Test]
    public void Every_problem_of_the_daemons_stands_in_a_file()
        => Assert.That(string.Join(' ', ErrorCodes.OfTheDaemons().Except(["basic", "crypto"]).Except(s_files.Value.Keys.Select(static name => name.Split('-')[0]))), Is.Empty);

    [Test]
    public void Every_file_is_the_case_of_a_test()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in Directory.GetFiles(Path.Combine(MarkdownPage.Root, "tests"), "*.cs", SearchOption.AllDirectories))
        {
            if (file.Contains("/obj/", StringComparison.Ordinal)) continue;
            var source = File.ReadAllText(file);
            if (!source.Contains("Shown(", StringComparison.Ordinal)) continue;
            foreach (Match match in Name().Matches(source)) names.Add(match.Groups["name"].Value);
        }

        Assert.That(s_files.Value.Keys.Except(names), Is.Empty);
    }

    [Test]
    public void Every_file_tells_the_pain_the_cause_and_what_to_do()
    {
        Assert.Multiple(() =>
        {
            foreach (var (name, lines) in s_files.Value)
            {
                Assert.That(lines[0], Does.Match("^pain: .{15,}$"), name);
                Assert.That(lines[1], Is.EqualTo($"code: {name.Split('-')[0]}"));
                Assert.That(lines[2], Does.StartWith("error: "), name);
                Assert.That(lines[3], Does.StartWith("hint: "), name);
                Assert.That(lines, Has.Length.EqualTo(4), name);
            }
        });
    }

    // Message.Shown("name", …), or the name in a table of cases.
    [GeneratedRegex("\"(?<name>[a-z][a-z0-9_]*(?:-[a-z0-9-]+)?)\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Name();
}
