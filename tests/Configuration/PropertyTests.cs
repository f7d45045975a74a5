using System.Text;
using CsCheck;
using EstProv.Configuration.Certd;
using EstProv.Configuration.Identityd;
using EstProv.Configuration.Keyd;
using EstProv.Configuration.Toml;
using Tomlyn.Parsing;

namespace EstProv.Configuration.Tests;

internal sealed class PropertyTests
{
    // A few seconds; more of them for a long run.
    private const long Iterations = 5_000;

    private static readonly Gen<string> Name = OneOf("a", "b", "c", "\"d e\"");

    private static readonly Gen<string> DottedName = Name.Array[1, 3].Select(parts => string.Join('.', parts));

    /// <summary>Lines that often clash: the tables, dotted keys and arrays of tables of a few names.</summary>
    private static readonly Gen<string> Document = Gen.OneOf(
        DottedName.Select(name => $"{name} = 1"),
        DottedName.Select(name => $"{name} = {{ a = 1, b.c = 2 }}"),
        Gen.Select(DottedName, DottedName, (name, inner) => $"{name} = {{ {inner} = 1, a.b = 2 }}"),
        DottedName.Select(name => $"{name} = [{{ a = 1 }}]"),
        DottedName.Select(name => $"[{name}]"),
        DottedName.Select(name => $"[[{name}]]")).Array[1, 8].Select(lines => string.Join('\n', lines) + "\n");

    /// <summary>
    /// Equal where there are no headers. With them Tomlyn 2.10.2 lets pass what TOML forbids (<c>[c.d.e]</c>, <c>[c]</c>, <c>d.f = 1</c>), and
    /// for arrays of tables it also forgets that each element starts anew; what ours does there is in <see cref="TomlReaderTests"/>.
    /// </summary>
    [Test]
    public void What_stands_twice_is_judged_as_the_parsers_own_validation_does()
    {
        Document.Sample(text =>
        {
            var theirs = SyntaxParser.Parse(text, "f", validate: true).HasErrors;
            var ours = TomlReader.Read(text, "f", new Problems()) is null;
            var headers = ("\n" + text).Contains("\n[", StringComparison.Ordinal);
            return ours == theirs || (ours && headers) || text.Contains("[[", StringComparison.Ordinal);
        }, iter: Iterations, threads: 1);
    }

    [Test]
    public void A_file_cut_into_drop_ins_anywhere_means_the_same_and_the_last_value_wins()
    {
        var assignment = Gen.Select(OneOf("t", "u", "t.v"), OneOf("a", "b", "c"), Gen.Int[0, 99], Gen.Int[0, 3]);
        assignment.Array[0, 12].Sample(assignments =>
        {
            var expected = new Dictionary<string, long>();
            for (var drop = 0; drop < 4; drop++)
            {
                foreach (var (table, key, value, file) in assignments)
                {
                    if (file == drop) expected[$"{table}.{key}"] = value;
                }
            }

            TomlTable? merged = null;
            for (var drop = 0; drop < 4; drop++)
            {
                var text = new StringBuilder();
                foreach (var table in assignments.Where(one => one.Item4 == drop).GroupBy(one => one.Item1))
                {
                    text.Append($"[{table.Key}]\n");
                    foreach (var key in table.GroupBy(one => one.Item2)) text.Append($"{key.Key} = {key.Last().Item3}\n");
                }

                var problems = new Problems();
                var tree = TomlReader.Read(text.ToString(), "f", problems) ?? throw new InvalidOperationException(problems.Finish("", []).ToTerminalText());
                if (merged is null) merged = tree;
                else TomlMerge.Into(merged, tree);
            }

            var found = new Dictionary<string, long>();
            Collect(merged!, "", found);
            return found.Count == expected.Count && found.All(one => expected[one.Key] == one.Value);
        }, iter: Iterations, threads: 1);
    }

    /// <summary>Whatever an editor, a broken disk or an attacker makes of a file: an answer, in time, without the PIN.</summary>
    [TestCase("keyd")]
    [TestCase("certd")]
    [TestCase("identityd")]
    public void A_damaged_file_is_answered_and_never_shows_its_pin(string daemon)
    {
        var source = File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, "SourceDocument", daemon + ".toml"));
        var change = Gen.Select(Gen.Int[0, source.Length - 1], Gen.Int[0, 4], OneOf("\"'[]{}=.,#\n\\ \t\0ä?;-x0"u8.ToArray()), Gen.Int[0, source.Length - 1]);
        change.Array[1, 4].Sample(changes =>
        {
            var bytes = new List<byte>(source);
            foreach (var (place, kind, value, other) in changes)
            {
                var at = place % bytes.Count;
                switch (kind)
                {
                    case 0:
                        bytes[at] = value;
                        break;
                    case 1:
                        bytes.Insert(at, value);
                        break;
                    case 2:
                        bytes.RemoveAt(at);
                        break;
                    case 3:
                        // A line of the file once more, somewhere else.
                        var line = LineStart(bytes, other % bytes.Count);
                        var end = bytes.IndexOf((byte)'\n', line);
                        bytes.InsertRange(LineStart(bytes, at), bytes.GetRange(line, (end < 0 ? bytes.Count : end + 1) - line));
                        break;
                    default:
                        bytes.RemoveRange(at, Math.Min(7, bytes.Count - at - 1));
                        break;
                }

                if (bytes.Count == 0) bytes.Add(value);
            }

            var shown = Load(daemon, bytes.ToArray());
            return shown.Contains("1234", StringComparison.Ordinal) ? throw new InvalidOperationException(shown) : true;
        }, iter: Iterations, threads: 1);
    }

    [Test]
    public void Any_text_is_answered()
    {
        Gen.String[Gen.Char["ab\"'[]{}=.,#\n\\ \t0123456789-:+_eTZ\u00e9\u2028"], 0, 60].Sample(text =>
        {
            Load("keyd", Encoding.UTF8.GetBytes(text));
            return true;
        }, iter: Iterations, threads: 1);
    }

    private static int LineStart(List<byte> bytes, int at) => at == 0 ? 0 : bytes.LastIndexOf((byte)'\n', at - 1) + 1;

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    private static string Load(string daemon, byte[] content)
    {
        var files = new OneFile(content);
        return daemon switch
        {
            "keyd" => Shown(ConfigurationLoader.Load(files, "f", "", ConfigurationFolder.FindUser, KeydSchema.File, KeydBinder.Bind)),
            "certd" => Shown(ConfigurationLoader.Load(files, "f", "", ConfigurationFolder.FindUser, CertdSchema.File, CertdBinder.Bind)),
            _ => Shown(ConfigurationLoader.Load(files, "f", "", ConfigurationFolder.FindUser, IdentitydSchema.File, IdentitydBinder.Bind)),
        };
    }

    private static string Shown<T>(Loaded<T> loaded)
        where T : class
    {
        if (loaded.Value is null == (loaded.Errors.Count == 0)) throw new InvalidOperationException("neither a value nor an error");
        return loaded.ToTerminalText();
    }

    private static void Collect(TomlTable table, string path, Dictionary<string, long> into)
    {
        foreach (var entry in table.Entries)
        {
            var key = path.Length == 0 ? entry.Name : $"{path}.{entry.Name}";
            if (entry.Value is TomlTable inner) Collect(inner, key, into);
            else into.Add(key, entry.Value.Integer);
        }
    }

    private sealed class OneFile(byte[] content) : ConfigurationFiles
    {
        protected override Stream Open(string file) => new MemoryStream(content);
    }
}
