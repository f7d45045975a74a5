namespace EstProv.Configuration.Tests;

/// <summary>
/// One file of <c>Cases/</c> for each fault: why it matters, the files, and every line that a terminal then shows. The name's first word is
/// the daemon, the rest a sentence.
/// </summary>
internal sealed class CaseTests
{
    private const string Marker = "==> ";

    private static IEnumerable<TestCaseData> Cases()
    {
        var folder = Path.Combine(Path.GetDirectoryName(typeof(CaseTests).Assembly.Location)!, "Cases");
        foreach (var path in Directory.GetFiles(folder, "*.txt").Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            var daemon = name[..name.IndexOf('-')];
            yield return new TestCaseData(daemon, path).SetName($"{daemon}: {name[(daemon.Length + 1)..].Replace('-', ' ')}");
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void Shown_as_written(string daemon, string path)
    {
        using var folder = new ConfigurationFolder();
        var expected = "";
        foreach (var part in ("\n" + File.ReadAllText(path)).Split("\n" + Marker)[1..])
        {
            var end = part.IndexOf('\n');
            var (name, text) = (part[..end], part[(end + 1)..]);
            if (name == "shown") expected = text;
            else folder.Write(name, text);
        }

        var shown = daemon switch
        {
            "keyd" => folder.Shown(folder.Keyd()),
            "certd" => folder.Shown(folder.Certd()),
            _ => folder.Shown(folder.Identityd()),
        };
        // With ESTPROV_ACCEPT set to the folder of the cases in the source tree, what is shown now becomes what is expected.
        if (Environment.GetEnvironmentVariable("ESTPROV_ACCEPT") is { Length: > 0 } accept)
        {
            var text = File.ReadAllText(path);
            var head = text[..(text.IndexOf($"\n{Marker}shown\n", StringComparison.Ordinal) + $"\n{Marker}shown\n".Length)];
            File.WriteAllText(Path.Combine(accept, Path.GetFileName(path)), head + shown);
        }

        Assert.That(shown, Is.EqualTo(expected));
    }

    [Test]
    public void Every_case_begins_with_why_it_matters()
    {
        var reasons = new HashSet<string>(StringComparer.Ordinal);
        Assert.Multiple(() =>
        {
            foreach (var path in Directory.GetFiles(Path.Combine(TestContext.CurrentContext.TestDirectory, "Cases")))
            {
                var text = File.ReadAllText(path);
                var reason = text[..text.IndexOf('\n')];
                Assert.That(reason, Does.Match("^(?!==> ).{15,}$"), path);
                Assert.That(text[reason.Length..], Does.StartWith($"\n\n{Marker}"), path);
                Assert.That(reasons.Add(reason), Is.True, path);
            }
        });
        Assert.That(reasons, Has.Count.GreaterThan(100));
    }

    [Test]
    public void Every_line_of_trouble_is_followed_by_what_to_do()
    {
        var hints = 0;
        Assert.Multiple(() =>
        {
            foreach (var path in Directory.GetFiles(Path.Combine(TestContext.CurrentContext.TestDirectory, "Cases")))
            {
                var text = File.ReadAllText(path);
                var shown = text[(text.IndexOf($"{Marker}shown\n", StringComparison.Ordinal) + Marker.Length + 6)..].Split('\n')[..^1];
                for (var i = 0; i < shown.Length; i += 2)
                {
                    Assert.That(shown[i], Does.Match("^(error|warning): "), path);
                    Assert.That(i + 1 < shown.Length ? shown[i + 1] : "", Does.Match("^hint: ."), $"{path}: {shown[i]}");
                    hints++;
                }
            }
        });
        Assert.That(hints, Is.GreaterThan(200));
    }

    [Test]
    public void No_case_shows_a_secret()
    {
        var folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "Cases");
        foreach (var path in Directory.GetFiles(folder))
        {
            var text = File.ReadAllText(path);
            var shown = text[text.IndexOf($"{Marker}shown", StringComparison.Ordinal)..];
            Assert.That(shown, Does.Not.Contain("1234").And.Not.Contain("hunter2"), path);
        }
    }
}
