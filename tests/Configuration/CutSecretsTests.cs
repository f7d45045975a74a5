using System.Text;
using CsCheck;
using EstProv.Configuration.Keyd;
using EstProv.Configuration.Secrets;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Tests;

/// <summary>No PIN comes into a string: it is cut out of the text before, wherever and however it stands there.</summary>
internal sealed class CutSecretsTests
{
    private const string Pin = "s3cret7";

    [TestCase("base_slot = \"pkcs11:token=t?pin-value=s3cret7\"")]
    [TestCase("base_slot = 'pkcs11:token=t?pin-value=s3cret7'")]
    [TestCase("base_slot = \"pkcs11:token=t?pin-value=s3cret7&module-name=m\"", "&module-name=m")]
    [TestCase("base_slot = \"pkcs11:token=it's?pin-value=s3cret7\"")]
    [TestCase("base_slot = \"pkcs11:token=t?pin-value=s3\\u0063ret7\"")]
    [TestCase("base_slot = \"pkcs11:token=t?\\u0070in-value\\u003Ds\\U00000033cret7\"")]
    [TestCase("base_slot = \"\"\"pkcs11:token=t?pin-value=s3cret7\"\"\"")]
    [TestCase("base_slot = \"\"\"\\\n  pkcs11:token=t?pin-value=\\\n   s3c\\\r\n\n   ret7\"\"\"")]
    [TestCase("base_slot = '''pkcs11:token=t?pin-value=s3cret7'''")]
    [TestCase("base_slot = \"pkcs11:token=t?pin-value=s3cret7\" # pin-value=s3cret7, since 1999")]
    [TestCase("# 'pkcs11:token=t?pin-value=s3cret7\nbase_slot = \"pkcs11:token=t?pin-value=s3cret7\"")]
    public void A_PIN_is_cut_out_and_kept_apart(string line, string behind = "")
    {
        var files = new OneFile($"[pkcs11]\nlib_path = \"/m.so\"\n{line}\n");
        var text = files.Read("f", new Problems())!;
        Assert.That(text, Has.Length.EqualTo(files.Text.Length).And.Not.Contains("s3").And.Not.Contains("ret7"));
        var configuration = Load(files).Value!;
        var uri = configuration.Pkcs11!.BaseSlot.Value;
        var at = uri.IndexOf("pin-value=", StringComparison.Ordinal) + 10;
        Assert.That(uri[..at], Does.StartWith("pkcs11:token="));
        Assert.That(uri, Does.EndWith(behind));
        var placeholder = uri[at..^behind.Length];
        Assert.That(CutSecrets.IsPlaceholder(placeholder));
        using var pin = configuration.Secrets.Take(placeholder);
        Assert.That(Encoding.UTF8.GetString(pin!.Span), Is.EqualTo(Pin));
        Assert.That(configuration.Secrets.Take(placeholder), Is.Null, "once");
    }

    // What is no TOML, or no value, is nobody's; a daemon that reads it again and goes on with what it had must not keep it either.
    [TestCase("base_slot = pkcs11:token=t?pin-value=s3cret7")]
    [TestCase("base_slot = \"pkcs11:token=t?pin-value=s3cret7")]
    [TestCase("base_slot = \"pkcs11:token=t?pin-value=s3cret7\\q\"")]
    [TestCase("base_slot = \"\"\"pkcs11:token=t?pin-value=s3cret7\"")]
    [TestCase("\"pkcs11:token=t?pin-value=s3cret7\" = 1")]
    [TestCase("x = [\"PIN-VALUE=s3cret7\", 'pin-value=s3cret7']")]
    [TestCase("x = \"\\upin-value=s3cret7")]
    [TestCase("pin-value=s3cret7")]
    public void A_PIN_in_what_cannot_be_used_is_cut_out_too(string line) =>
        Assert.That(new OneFile(line).Read("f", new Problems()), Has.Length.EqualTo(line.Length).And.Not.Contains("s3").And.Not.Contains("ret7"));

    [TestCase("a = \"pin-value\"")]
    [TestCase("a = \"pin-value=\"")]
    [TestCase("a = \"pin-value =1234\"")]
    [TestCase("a = \"pin-source=file:/pin&module-name=m\" # pin-values=1")]
    [TestCase("a = 'C:\\new' # \\")]
    public void Nothing_else_is_touched(string line) => Assert.That(new OneFile(line).Read("f", new Problems()), Is.EqualTo(line));

    [Test]
    public void Each_URI_has_the_PIN_that_was_its_own()
    {
        var text = new StringBuilder("[pkcs11]\nlib_path = \"/m.so\"\nbase_slot = \"pkcs11:token=t?pin-value=0\"\n[preloaded_keys]\n");
        for (var i = 1; i < 50; i++) text.Append($"k{i} = \"pkcs11:object={i}?pin-value={i}\"\n");
        var configuration = Load(new OneFile(text.ToString())).Value!;
        Assert.That(PinOf(configuration, configuration.Pkcs11!.BaseSlot.Value), Is.EqualTo("0"));
        for (var i = 1; i < 50; i++) Assert.That(PinOf(configuration, configuration.PreloadedKeys[$"k{i}"].Value), Is.EqualTo($"{i}"));
    }

    [Test]
    public void A_PIN_in_a_file_of_another_daemon_or_with_an_error_is_zeroed()
    {
        var files = new OneFile("[pkcs11]\nlib_path = \"/m.so\"\nbase_slot = \"pkcs11:token=t?pin-value=1\"\nunknown = 1\n");
        Assert.That(Load(files).Value, Is.Null);
        Assert.That(files.Secrets.Take("\uE000"), Is.Null);
    }

    /// <summary>Any PIN, written in any way, is what the parser would have read, and everything else stands where it stood.</summary>
    [Test]
    public void What_is_cut_out_is_what_the_parser_would_have_read()
    {
        var pin = Gen.Char["abZ09%.-_~!$'()*+,;:@/?|ä\\\"\t"].Array[1, 12].Select(static letters => new string(letters));
        Gen.Select(pin, Gen.Int[0, 3], Gen.Int[0, 9], Gen.Bool).Sample((value, form, escaped, more) =>
        {
            if (form is 1 or 3 && (value.Contains('\'') || value.Contains('\t'))) return true;
            if (form == 2 && value.Contains('\t')) return true;
            var written = form is 1 or 3 ? value : string.Concat(value.Select((letter, i) => Written(letter, i == escaped)));
            var quotes = form switch { 0 => "\"", 1 => "'", 2 => "\"\"\"", _ => "'''" };
            var text = $"a = {quotes}pkcs11:token=t?pin-value={written}{(more ? "&x=1" : "")}{quotes}\nb = 2 # \\\n  c = [ 'x' ]\n";
            var files = new OneFile(text);
            var cut = files.Read("f", new Problems())!;
            var (before, after) = (TomlReader.Read(text, "f", new Problems())!, TomlReader.Read(cut, "f", new Problems())!);
            var uri = after.Find("a")!.Value.Text;
            var placeholder = uri["pkcs11:token=t?pin-value=".Length..].Replace("&x=1", "", StringComparison.Ordinal);
            if (!CutSecrets.IsPlaceholder(placeholder)) return false;
            using var secret = files.Secrets.Take(placeholder);
            var whole = uri.Replace(placeholder, Encoding.UTF8.GetString(secret!.Span), StringComparison.Ordinal);
            return whole == before.Find("a")!.Value.Text && before.Find("c")!.Position == after.Find("c")!.Position && cut.Length == text.Length;
        }, iter: 5_000, threads: 1);
    }

    private static string Written(char letter, bool escaped) => letter switch
    {
        '\\' => "\\\\",
        '"' => "\\\"",
        _ when escaped => $"\\u{(int)letter:X4}",
        '\t' => "\\t",
        _ => letter.ToString(),
    };

    private static string PinOf(KeydConfiguration configuration, string uri)
    {
        using var pin = configuration.Secrets.Take(uri.AsSpan(uri.IndexOf("pin-value=", StringComparison.Ordinal) + 10));
        return Encoding.UTF8.GetString(pin!.Span);
    }

    private static Loaded<KeydConfiguration> Load(ConfigurationFiles files) =>
        ConfigurationLoader.Load(files, "f", "/nowhere", ConfigurationFolder.FindUser, KeydSchema.File, KeydBinder.Bind);

    private sealed class OneFile(string text) : ConfigurationFiles
    {
        public string Text => text;

        protected override Stream Open(string file) => new MemoryStream(Encoding.UTF8.GetBytes(text));
    }
}
