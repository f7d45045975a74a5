using EstProv.Configuration.Certd;
using EstProv.Configuration.Identityd;
using EstProv.Configuration.Keyd;
using EstProv.Configuration.Reference;
using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Tests;

internal sealed class ReferenceTests
{
    [Test]
    public void The_committed_reference_is_what_the_schemas_say()
    {
        var text = new StringWriter();
        ConfigurationReference.WriteMarkdown(text);
        // With ESTPROV_ACCEPT_REFERENCE set to its path in the source tree, the page is written anew.
        if (Environment.GetEnvironmentVariable("ESTPROV_ACCEPT_REFERENCE") is { Length: > 0 } path) File.WriteAllText(path, text.ToString());
        var committed = File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "REFERENCE.md"));
        Assert.That(text.ToString(), Is.EqualTo(committed),
            "write it anew: estprov config reference > src/EstProv.Configuration/REFERENCE.md");
    }

    [Test]
    public void Every_setting_and_section_is_documented()
    {
        foreach (var section in Sections())
        {
            Assert.That(section.Summary, Does.EndWith("."), section.Name);
            foreach (var setting in Settings(section))
            {
                Assert.That(setting.Summary, Does.EndWith(".").Or.EndsWith(")."), setting.Name);
                Assert.That(setting.Required && setting.Default.Length > 0, Is.False, setting.Name);
            }
        }
    }

    [Test]
    public void Every_example_is_accepted_by_its_own_setting()
    {
        foreach (var section in Sections())
        {
            foreach (var setting in Settings(section))
            {
                var problems = new Problems();
                var name = setting.ExampleName.Length > 0 ? setting.ExampleName : setting.Name;
                var root = TomlReader.Read($"{name} = {setting.Example}", "example", problems)!;
                SchemaCheck.Run(root, new Section("", "") { Settings = section.Settings, Entry = section.Entry }, problems, complete: false);
                Assert.That(problems.Finish("", []).ToTerminalText(), Is.Empty, setting.Name);
            }
        }
    }

    [Test]
    public void The_readmes_examples_load()
    {
        var readme = File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "README.md"));
        using var folder = new ConfigurationFolder();
        foreach (var block in readme.Split("```toml\n")[1..])
        {
            var text = block[..block.IndexOf("```", StringComparison.Ordinal)];
            var name = text[2..text.AsSpan().IndexOfAny(':', '\n')];
            folder.Write(name.Replace("/etc/estprov/certd.d/", "certd.d/", StringComparison.Ordinal), text);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(folder.Shown(folder.Keyd()), Is.Empty);
            Assert.That(folder.Shown(folder.Certd()), Is.Empty);
            Assert.That(folder.Shown(folder.Identityd()), Is.Empty);
        }
    }

    private static IEnumerable<Section> Sections()
    {
        var open = new Stack<Section>([KeydSchema.File, CertdSchema.File, IdentitydSchema.File]);
        while (open.TryPop(out var section))
        {
            yield return section;
            foreach (var inner in section.Sections) open.Push(inner);
            if (section.Entry?.Table is { } table) open.Push(table);
        }
    }

    private static IEnumerable<Setting> Settings(Section section) =>
        section.Entry is null ? section.Settings : section.Settings.Append(section.Entry);
}
