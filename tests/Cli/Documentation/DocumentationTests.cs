using System.Globalization;
using System.Text.RegularExpressions;
using EstProv.Cli.Arguments;
using EstProv.Configuration;

namespace EstProv.Cli.Tests.Documentation;

/// <summary>
/// What the pages of the tree tell their readers to type, to write into files and to read elsewhere, is there. The guides are done
/// besides, and all pages' commands for a device run, by <c>./build.sh test guides</c>.
/// </summary>
public sealed partial class DocumentationTests
{
    private static readonly Command[] s_commands = OperatorCommand.Commands("1.2.3", TimeProvider.System, new FakeMachine());

    [Test]
    public void Every_command_of_the_operator_in_a_page_is_one_with_its_options_and_words()
    {
        List<string> wrong = [];
        var seen = 0;
        foreach (var command in MarkdownPage.All.SelectMany(static page => ShellCommand.Of(page, "estprov")))
        {
            seen++;
            if (Problem(command) is { } problem) wrong.Add($"{command.Text}: {problem}");
        }

        Assert.That(wrong, Is.Empty);
        Assert.That(seen, Is.GreaterThan(80), "pages are full of them");
    }

    [Test]
    public void Every_command_of_the_tree_in_a_page_is_one_and_so_is_what_it_is_to_test()
    {
        var door = File.ReadAllText(Path.Combine(MarkdownPage.Root, "build.sh"));
        // Those that are scripts: 'is_wanted NAME', and the list of run_other_suites.
        var test = Suites().Matches(File.ReadAllText(Path.Combine(MarkdownPage.Root, "tools/build/test.sh")))
            .SelectMany(static match => match.Groups["names"].Value.Split(' ')).ToHashSet(StringComparer.Ordinal);
        List<string> wrong = [];
        foreach (var command in MarkdownPage.All.SelectMany(static page => ShellCommand.Of(page, "./build.sh", "build.sh")))
        {
            if (command.Words.Count < 2) continue;
            var entry = $@"^([a-z0-9| ]+\| )?{Regex.Escape(command.Words[1])}( \||\))";
            if (!Regex.IsMatch(door, entry, RegexOptions.Multiline, TimeSpan.FromSeconds(1)))
                wrong.Add($"{command.Text}: build.sh has no such command");
            if (command.Words[1] != "test") continue;
            foreach (var name in command.Words.Skip(2).TakeWhile(static word => char.IsAsciiLetter(word[0]) && word != "NAME"))
            {
                if (!Directory.Exists(Path.Combine(MarkdownPage.Root, "tests", name)) && !test.Contains(name))
                    wrong.Add($"{command.Text}: there is no suite {name}");
            }
        }

        Assert.That(wrong, Is.Empty);
        Assert.That(test, Does.Contain("guides").And.Contain("native"));
    }

    [Test]
    public void Every_target_of_make_in_a_page_is_one()
    {
        var rules = string.Concat(Directory.GetFiles(Path.Combine(MarkdownPage.Root, "native"))
            .Where(static file => Path.GetFileName(file) == "Makefile" || Path.GetExtension(file) == ".mk").Select(File.ReadAllText));
        var targets = Phony().Matches(rules)
            .SelectMany(static match => match.Groups["names"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .ToHashSet(StringComparer.Ordinal);
        List<string> wrong = [];
        foreach (var command in MarkdownPage.All.SelectMany(static page => ShellCommand.Of(page, "make")))
        {
            foreach (var word in command.Words.Skip(1))
            {
                if (Target().IsMatch(word) && !targets.Contains(word)) wrong.Add($"{command.Text}: native has no such target");
            }
        }

        Assert.That(wrong, Is.Empty);
        Assert.That(targets, Has.Count.GreaterThan(15));
    }

    [Test]
    public void Every_piece_of_configuration_in_a_page_is_read_by_the_daemon_it_is_for()
    {
        List<string> wrong = [];
        var seen = 0;
        foreach (var page in MarkdownPage.All)
        {
            // That is made of the schemas, and its examples are tried by tests/Configuration. What is Azure's is read by the guide itself.
            if (page.Name.EndsWith("REFERENCE.md", StringComparison.Ordinal)) continue;
            foreach (var block in page.Blocks.Where(IsToml))
            {
                if (block.Info.Contains("/aziot/", StringComparison.Ordinal)) continue;
                var where = $"{page.Name}:{block.Line}";
                foreach (var (path, text) in Pieces(block))
                {
                    seen++;
                    if (path is null) wrong.Add($"{where}: nothing says for which file this is, such as # certd.toml");
                    else wrong.AddRange(Bind(path, text).Select(problem => $"{where}: {problem}"));
                }
            }
        }

        Assert.That(wrong, Is.Empty);
        Assert.That(seen, Is.GreaterThan(15));
    }

    [Test]
    public void Every_link_leads_to_a_file_and_every_anchor_to_a_heading()
    {
        List<string> wrong = [];
        foreach (var page in MarkdownPage.All)
        {
            foreach (var (target, line) in page.Links)
            {
                if (target.Contains("://", StringComparison.Ordinal)) continue;
                var parts = target.Split('#', 2);
                var file = parts[0].Length == 0 ? page.File : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page.File)!, parts[0]));
                if (!File.Exists(file) && !Directory.Exists(file)) wrong.Add($"{page.Name}:{line}: there is no {target}");
                else if (parts.Length > 1 && !MarkdownPage.All.Any(other => other.File == file && other.Anchors.Contains(parts[1])))
                    wrong.Add($"{page.Name}:{line}: {parts[0]} has no heading #{parts[1]}");
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    [TestCase("`estprov chek`", "unknown command 'chek'")]
    [TestCase("    estprov status --jsno", "unknown option '--jsno'")]
    [TestCase("```sh\nestprov cert export device-id\n```", "cert export needs ID FILE")]
    [TestCase("```console guide\n# A=b estprov renew device-id \\\n    --later\n```", "unknown option '--later'")]
    [TestCase("`estprov cert list|lsit`", "is not a command")]
    public void A_command_that_is_not_there_is_found(string text, string problem)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, text);
            var found = ShellCommand.Of(MarkdownPage.Of(file), "estprov").Select(static shown => Problem(shown) ?? "");
            Assert.That(found, Has.Some.Contains(problem));
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>By the command's own parser.</summary>
    private static string? Problem(ShellCommand shown)
    {
        var words = shown.Words.Skip(1).ToArray();
        // The names of things, such as COMMAND or ID, and what is left out, stand for a word.
        if (words.Length == 0 || words[0] is "--help" or "--version" or "COMMAND") return null;
        var isCut = words[^1] == "…";
        if (isCut) words = words[..^1];
        try
        {
            var command = OperatorCommand.Find(s_commands, words, out var rest);
            var line = CommandLine.Parse(rest, [.. command.Options, Option.ShowHelp]);
            if (line.Words.Count > command.WordCount) return $"{command.Name} does not take '{line.Words[command.WordCount]}'";
            var isWhole = shown.IsWhole && !isCut && !line.Has(Option.ShowHelp.Name);
            return isWhole && line.Words.Count < command.LeastWords ? $"{command.Name} needs {command.WordNames}" : null;
        }
        catch (UsageException usage)
        {
            // 'estprov key' and 'estprov key …' speak of all that begin so.
            var isGroup = words.Length == 1
                && Array.Exists(s_commands, command => command.Name.StartsWith(words[0] + " ", StringComparison.Ordinal));
            return isGroup ? null : usage.Message;
        }
    }

    private static bool IsToml(CodeBlock block) => block.IsFenced
        ? block.Info.StartsWith("toml", StringComparison.Ordinal)
        : block.Lines[0].StartsWith("[[principal]]", StringComparison.Ordinal);

    /// <summary>One block may have what belongs into several files, each behind a comment that names it.</summary>
    private static IEnumerable<(string? Path, string Text)> Pieces(CodeBlock block)
    {
        var path = block.Info.Split(' ') is [_, "guide", var target] ? target : null;
        var text = "";
        foreach (var line in block.Lines)
        {
            if (path is null || block.Info.Length == 0)
            {
                if (FileName().Match(line) is { Success: true } name)
                {
                    if (path is not null) yield return (path, text);
                    (path, text) = (name.Value, "");
                }
            }

            text += line + "\n";
        }

        yield return (path, text);
    }

    /// <summary>A whole file by itself; a drop-in with the file that ships.</summary>
    private static List<string> Bind(string path, string text)
    {
        var daemon = FileName().Match(path).Groups["daemon"].Value;
        var folder = Directory.CreateTempSubdirectory("estprov-docs-").FullName;
        try
        {
            var (file, dropIns) = (Path.Combine(folder, daemon + ".toml"), Path.Combine(folder, daemon + ".d"));
            Directory.CreateDirectory(dropIns);
            var shipped = File.ReadAllText(Path.Combine(MarkdownPage.Root, "src/EstProv/config", daemon + ".toml"))
                .Replace("credential:pin", "file:/run/pin", StringComparison.Ordinal)
                .Replace("<ADD dps SCOPE ID HERE>", "0ne00A1B2C3", StringComparison.Ordinal);
            text = text.Replace("credential:pin", "file:/run/pin", StringComparison.Ordinal);
            var isDropIn = path.Contains(".d/", StringComparison.Ordinal);
            File.WriteAllText(file, isDropIn ? shipped : text);
            if (isDropIn) File.WriteAllText(Path.Combine(dropIns, "50.toml"), text);
            return daemon switch
            {
                "keyd" => Said(ConfigurationLoader.LoadKeyd(file, dropIns, User)),
                "certd" => Said(ConfigurationLoader.LoadCertd(file, dropIns, User)),
                _ => Said(ConfigurationLoader.LoadIdentityd(file, dropIns, User)),
            };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static uint? User(string name) => (uint)(1000 + name.Length);

    private static List<string> Said<T>(Loaded<T> loaded)
        where T : class => [.. loaded.Errors.Select(static error => string.Create(CultureInfo.InvariantCulture, $"{error}"))];

    [GeneratedRegex(@"(/etc/estprov/)?(?<daemon>keyd|certd|identityd)(\.d/[\w-]+)?\.toml", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex FileName();

    [GeneratedRegex(@"^\.PHONY:(?<names>.*)$", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Phony();

    [GeneratedRegex("(is_wanted |for name in )(?<names>[a-z ]+);", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Suites();

    [GeneratedRegex("^[a-z][a-z-]+$", RegexOptions.None, 1000)]
    private static partial Regex Target();
}
