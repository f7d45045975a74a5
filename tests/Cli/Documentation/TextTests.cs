using System.Text;
using System.Text.RegularExpressions;

namespace EstProv.Cli.Tests.Documentation;

/// <summary>What the command says when something is wrong stands in a transcript, as somebody would see it.</summary>
public sealed partial class TextTests
{
    /// <summary>Where they are made needs a file system that is full.</summary>
    private static readonly HashSet<string> s_unshown = new(StringComparer.Ordinal)
    {
        "cannot write …: no space left on its file system", "free some space, or name a file elsewhere",
    };

    [Test]
    public void Every_error_of_the_command_stands_in_a_transcript()
    {
        var texts = Texts();
        Assert.That(texts, Has.Count.GreaterThan(150));
        var transcripts = string.Concat(Transcripts().Select(static file => Transcript.Shown(File.ReadAllText(file))));
        var missing = texts.Where(text => !Regex.IsMatch(transcripts, string.Join("[^\n]*?", text.Split('…').Select(Regex.Escape)),
            RegexOptions.None, TimeSpan.FromSeconds(10))).ToList();
        Assert.That(missing, Is.EquivalentTo(s_unshown));
    }

    [Test]
    public void Every_transcript_of_trouble_begins_with_what_it_spares_its_reader()
    {
        var pains = new HashSet<string>(StringComparer.Ordinal);
        Assert.Multiple(() =>
        {
            foreach (var file in Transcripts())
            {
                var text = File.ReadAllText(file);
                if (!Transcript.IsOfTrouble(Transcript.Shown(text))) continue;
                var pain = text[..text.IndexOf('\n')];
                Assert.That(pain, Does.Match($"^{Transcript.Pain}.{{15,}}$"), file);
                Assert.That(pains.Add(pain), Is.True, file);
            }
        });
        Assert.That(pains, Has.Count.GreaterThan(130));
    }

    private static string[] Transcripts() => Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Transcripts"), "*.txt");

    /// <summary>The literals with more than one word in the arguments of errors, with … for what is put in.</summary>
    private static HashSet<string> Texts()
    {
        var texts = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in Directory.GetFiles(Path.Combine(MarkdownPage.Root, "src/EstProv.Cli"), "*.cs", SearchOption.AllDirectories))
        {
            if (file.Contains("/obj/", StringComparison.Ordinal)) continue;
            var source = File.ReadAllText(file);
            foreach (Match call in Call().Matches(source)) Read(source, call.Index + call.Length, ')', texts);
        }

        return texts;
    }

    /// <summary>Reads on to the bracket that ends what began before <paramref name="at"/>.</summary>
    /// <returns>The place after it.</returns>
    private static int Read(string source, int at, char end, HashSet<string> texts)
    {
        while (source[at] != end)
        {
            at = source[at] switch
            {
                '(' => Read(source, at + 1, ')', texts),
                '{' => Read(source, at + 1, '}', texts),
                '"' => ReadLiteral(source, at + 1, at > 0 && source[at - 1] == '$', texts),
                '\'' => source.IndexOf('\'', source[at + 1] == '\\' ? at + 3 : at + 2) + 1,
                _ => at + 1,
            };
        }

        return at + 1;
    }

    private static int ReadLiteral(string source, int at, bool isInterpolated, HashSet<string> texts)
    {
        var text = new StringBuilder();
        while (source[at] != '"')
        {
            if (isInterpolated && source[at] == '{')
            {
                at = Read(source, at + 1, '}', texts);
                text.Append('…');
                continue;
            }

            if (source[at] == '\\') at++;
            text.Append(source[at++]);
        }

        var read = text.ToString().Trim();
        if (read.Contains(' ', StringComparison.Ordinal)) texts.Add(read);
        return at + 1;
    }

    [GeneratedRegex("""(?:\bnew(?:[ ](?:ProblemException|UsageException))?|\.(?:Error|Warn(?:ing)?))\((?!\))""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Call();
}
