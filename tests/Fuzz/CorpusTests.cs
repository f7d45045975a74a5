using EstProv.Fuzz.Targets;

namespace EstProv.Fuzz.Tests;

/// <summary>Every input that was ever worth keeping, through the code that reads it.</summary>
public sealed class CorpusTests
{
    private static readonly string Corpora = Path.Combine(TestContext.CurrentContext.TestDirectory, "corpora");

    public static IEnumerable<TestCaseData> Inputs()
    {
        foreach (var target in FuzzTarget.Names)
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(Corpora, target)).Order(StringComparer.Ordinal))
            {
                yield return new TestCaseData(target, file).SetArgDisplayNames(target, Path.GetFileName(file));
            }
        }
    }

    private readonly Dictionary<string, FuzzTarget> _targets = [];

    [OneTimeSetUp]
    public void Make()
    {
        foreach (var name in FuzzTarget.Names) _targets.Add(name, FuzzTarget.Create(name));
    }

    [OneTimeTearDown]
    public void Dispose()
    {
        foreach (var target in _targets.Values) target.Dispose();
    }

    [TestCaseSource(nameof(Inputs))]
    [CancelAfter(20_000)]
    public void An_input_breaks_no_promise(string target, string file) => Assert.That(() => _targets[target].Execute(File.ReadAllBytes(file)), Throws.Nothing);

    [Test]
    public void Every_target_has_a_corpus_and_every_corpus_a_target()
        => Assert.That(Directory.EnumerateDirectories(Corpora).Select(Path.GetFileName), Is.EquivalentTo(FuzzTarget.Names));
}
