using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Tests;

internal sealed class TomlReaderTests
{
    // After TOML 1.0, sections Table, Array of Tables and Keys.
    [TestCase("[a]\n[b]\n[a.c]\nx = 1")]
    [TestCase("[x.y.z.w]\n[x]\na = 1")]
    [TestCase("[fruit]\napple.color = 1\napple.taste.sweet = true\n[fruit.apple.texture]\nsmooth = true")]
    [TestCase("fruit.apple.smooth = true\nfruit.orange = 2")]
    [TestCase("[[p]]\nx = 1\n[p.q]\ny = 1\n[[p]]\nx = 2\n[p.q]\ny = 2")]
    [TestCase("[[a.b]]\n[a.b.c]\n[[a.b]]\n[a]\nx = 1")]
    [TestCase("[[f]]\n[[f.v]]\nn = 1\n[[f.v]]\nn = 2\n[[f]]\n[[f.v]]\nn = 3")]
    [TestCase("a = { b.c = 1, b.d = 2 }")]
    [TestCase("a = [{ b = 1 }, { b = 2 }]")]
    public void Accepted(string text) => Assert.That(Read(text), Is.Empty);

    [TestCase("a = 1\na = 2", "f:2:1: a stands twice in this file")]
    [TestCase("a = 1\n\"a\" = 2", "f:2:1: a stands twice in this file")]
    [TestCase("[a]\n[a]", "f:2:2: table [a] stands twice in this file")]
    [TestCase("[fruit]\napple.color = 1\n[fruit.apple]", "f:3:8: table [fruit.apple] stands twice in this file")]
    [TestCase("[a.b.c]\nz = 9\n[a]\nb.c.t = 1", "f:4:1: a.b stands twice in this file")]
    [TestCase("a = { b = 1 }\na.c = 1", "f:2:1: a stands twice in this file")]
    [TestCase("a = { b = { c = 1 } }\n[a.b]", "f:2:2: a stands twice in this file")]
    [TestCase("a = { b.c = 1 }\n[a.b.d]", "f:2:2: a stands twice in this file")]
    [TestCase("a = { b = 1, b.c = 2 }", "f:1:14: a.b stands twice in this file")]
    [TestCase("a = []\n[[a]]", "f:2:3: [[a]] stands twice in this file")]
    [TestCase("[[a]]\n[a]", "f:2:2: table [a] stands twice in this file")]
    [TestCase("[a]\n[[a]]", "f:2:3: [[a]] stands twice in this file")]
    [TestCase("[[c]]\nb = 1\n[[c.b]]", "f:3:5: [[c.b]] stands twice in this file")]
    [TestCase("[a]\nx = 1\n[a.x.y]", "f:3:4: a.x stands twice in this file")]
    public void Refused(string text, string expected) => Assert.That(Read(text), Is.EqualTo(new[] { expected }));

    [Test]
    public void Positions_are_those_of_keys_values_and_headers()
    {
        var root = TomlReader.Read("  \"a\" = [ 1,\n   'x' ]\n\n  [t . u]\nk=true\n\n [[p]]\n", "f", new Problems())!;
        var array = (TomlArray)root.Find("a")!.Value;
        var table = (TomlTable)root.Find("t")!.Value;
        var inner = (TomlTable)table.Find("u")!.Value;
        var list = (TomlArray)root.Find("p")!.Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(root.Find("a")!.Position.ToString(), Is.EqualTo("f:1:3"));
            Assert.That(array.Position.ToString(), Is.EqualTo("f:1:9"));
            Assert.That(array.Items.Select(item => item.Position.ToString()), Is.EqualTo(new[] { "f:1:11", "f:2:4" }));
            Assert.That(table.Position.ToString(), Is.EqualTo("f:4:4"));
            Assert.That(inner.Position.ToString(), Is.EqualTo("f:4:3"));
            Assert.That(inner.Find("k")!.Value.Position.ToString(), Is.EqualTo("f:5:3"));
            Assert.That(list.Items[0].Position.ToString(), Is.EqualTo("f:7:2"));
        }
    }

    private static string[] Read(string text)
    {
        var problems = new Problems();
        _ = TomlReader.Read(text, "f", problems);
        return problems.Finish("", []).Errors.Select(error => error.ToString()).ToArray();
    }
}
