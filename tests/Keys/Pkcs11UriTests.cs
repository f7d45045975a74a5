using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Pkcs11;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

public sealed class Pkcs11UriTests
{
    [Test]
    public void The_source_documents_URIs_are_read()
    {
        var slot = Pkcs11Uri.Parse("pkcs11:slot-id=0?pin-value=1234", "t");
        Assert.That(slot.SlotId, Is.Zero);
        Assert.That(slot.ReadPin()!.Span.ToArray(), Is.EqualTo("1234"u8.ToArray()));
        var key = Pkcs11Uri.Parse("pkcs11:slot-id=0;object=device%20id?pin-value=1234", "t");
        Assert.That(key.Object, Is.EqualTo("device id"));
    }

    [Test]
    public void Every_attribute_is_decoded()
    {
        var uri = Pkcs11Uri.Parse(
            "pkcs11:token=A%3bB;manufacturer=m;serial=01:02;model=x/y;object=%c3%a4;id=%00%FF%41b;type=private;slot-description=d;slot-manufacturer=s;"
            + "library-manufacturer=l;library-description=e;library-version=2.6?module-name=softhsm2&module-path=/usr/lib/x.so&pin-value=%31%26%3f", "t");
        Assert.Multiple(() =>
        {
            Assert.That(uri.Token, Is.EqualTo("A;B"));
            Assert.That(uri.Manufacturer, Is.EqualTo("m"));
            Assert.That(uri.Serial, Is.EqualTo("01:02"));
            Assert.That(uri.Model, Is.EqualTo("x/y"));
            Assert.That(uri.Object, Is.EqualTo("ä"));
            Assert.That(uri.Id, Is.EqualTo(new byte[] { 0, 255, 65, 98 }));
            Assert.That(uri.Type, Is.EqualTo("private"));
            Assert.That(uri.SlotDescription, Is.EqualTo("d"));
            Assert.That(uri.SlotManufacturer, Is.EqualTo("s"));
            Assert.That(uri.LibraryManufacturer, Is.EqualTo("l"));
            Assert.That(uri.LibraryDescription, Is.EqualTo("e"));
            Assert.That(uri.LibraryVersion, Is.EqualTo("2.6"));
            Assert.That(uri.ModuleName, Is.EqualTo("softhsm2"));
            Assert.That(uri.ModulePath, Is.EqualTo("/usr/lib/x.so"));
            Assert.That(uri.ReadPin()!.Span.ToArray(), Is.EqualTo("1&?"u8.ToArray()));
        });
    }

    [TestCase("file:/etc/pin", "/etc/pin")]
    [TestCase("file:///etc/pin", "/etc/pin")]
    [TestCase("/etc/pin", "/etc/pin")]
    [TestCase("file:/etc/a%20pin", "/etc/a pin")]
    public void A_pin_source_is_a_file(string source, string path) =>
        Assert.That(Pkcs11Uri.Parse("pkcs11:token=t?pin-source=" + source, "t").PinFile, Is.EqualTo(path));

    [TestCase("PKCS:token=t", "does not start")]
    [TestCase("pkcs11:token", "not name=value")]
    [TestCase("pkcs11:=t", "not name=value")]
    [TestCase("pkcs11:token=a;token=b", "twice")]
    [TestCase("pkcs11:colour=red", "'colour' is unknown")]
    [TestCase("pkcs11:token=a%2", "two hexadecimal digits")]
    [TestCase("pkcs11:token=%zz", "two hexadecimal digits")]
    [TestCase("pkcs11:token=a%", "two hexadecimal digits")]
    [TestCase("pkcs11:token=a b", "percent-encoded")]
    [TestCase("pkcs11:token=ä", "percent-encoded")]
    [TestCase("pkcs11:token=%ff", "not UTF-8")]
    [TestCase("pkcs11:slot-id=0x1", "not a decimal number")]
    [TestCase("pkcs11:slot-id=-1", "not a decimal number")]
    [TestCase("pkcs11:slot-id=99999999999999999999", "not a decimal number")]
    [TestCase("pkcs11:pin-value=SECRET", "behind the question mark")]
    [TestCase("pkcs11:token=t?object=a", "does not belong there")]
    [TestCase("pkcs11:token=t?pin-value=1&SECRET=2", "does not belong there")]
    [TestCase("pkcs11:token=t?pin-value=SECRET&pin-source=/p", "both")]
    [TestCase("pkcs11:token=t?pin-source=p", "absolute path")]
    [TestCase("pkcs11:token=t?pin-value=SECRET;x=%", "two hexadecimal digits")]
    [TestCase("pkcs11:token=t?SECRET", "not name=value")]
    [TestCase("pkcs11:object=o;type=key", "'key' is unknown")]
    public void What_is_no_URI_is_refused_without_its_PIN(string text, string why)
    {
        var problem = Assert.Throws<ProblemException>(() => Pkcs11Uri.Parse(text, "keyd.toml:3:1"))!;
        Assert.That(problem.Code, Is.EqualTo("bad_uri"));
        Assert.That(problem.Message, Does.StartWith("keyd.toml:3:1: ").And.Contains(why).And.Not.Contains("SECRET"));
    }

    [Test]
    public void The_PIN_is_not_shown() =>
        Assert.That(Pkcs11Uri.Parse("pkcs11:token=t;object=o?pin-value=SECRET", "t").ToString(), Is.EqualTo("pkcs11:token=t;object=o"));

    [TestCase("1234\n", "1234")]
    [TestCase("1234\r\n", "1234")]
    [TestCase("12 34", "12 34")]
    public void A_PIN_file_may_end_its_line(string content, string pin)
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, content);
        Assert.That(Pkcs11Uri.Parse("pkcs11:token=t?pin-source=file:" + path, "t").ReadPin()!.Span.ToArray(), Is.EqualTo(System.Text.Encoding.ASCII.GetBytes(pin)));
        File.Delete(path);
    }

    [TestCase("")]
    [TestCase("\n")]
    [TestCase(null)]
    public void A_PIN_file_that_is_empty_or_missing_is_said(string? content)
    {
        var path = Path.GetTempFileName();
        if (content is null) File.Delete(path);
        else File.WriteAllText(path, content);
        var problem = Assert.Throws<ProblemException>(() => Pkcs11Uri.Parse("pkcs11:token=t?pin-source=file:" + path, "t").ReadPin())!;
        Assert.That(problem.Code, Is.EqualTo("pin_missing"));
        Assert.That(problem.Message, Does.Contain(path));
        File.Delete(path);
    }

    [Test]
    public void A_credential_of_systemd_is_found()
    {
        using var unit = new Unit();
        unit.Write("token-pin", "1234\n");
        var uri = Pkcs11Uri.Parse("pkcs11:token=t?pin-source=credential:token-pin", "t");
        Assert.That(uri.ReadPin()!.Span.ToArray(), Is.EqualTo("1234"u8.ToArray()));
        Assert.That(uri.ToString(), Is.EqualTo("pkcs11:token=t"));
    }

    [Test]
    public void A_credential_that_the_unit_lacks_is_said()
    {
        using var unit = new Unit();
        unit.Write("other", "1234\n");
        var problem = Assert.Throws<ProblemException>(() => Pkcs11Uri.Parse("pkcs11:token=t?pin-source=credential:token-pin", "t").ReadPin())!;
        Assert.That(problem.Code, Is.EqualTo("pin_missing"));
        Assert.That(problem.Message, Does.Contain("token-pin does not exist"));
        Assert.That(problem.Hint, Does.Contain("LoadCredential="));
    }

    [Test]
    public void A_credential_outside_systemd_is_an_error_of_the_configuration()
    {
        Assert.That(Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY"), Is.Null);
        var problem = Assert.Throws<ProblemException>(() => Pkcs11Uri.Parse("pkcs11:token=t?pin-source=credential:token-pin", "keyd.toml:3:1"))!;
        Assert.That(problem.Code, Is.EqualTo("bad_uri"));
        Assert.That(problem.Message, Does.StartWith("keyd.toml:3:1: ").And.Contains("CREDENTIALS_DIRECTORY is not set"));
    }

    [TestCase("credential:")]
    [TestCase("credential:../pin")]
    public void A_credential_has_a_plain_name(string source)
    {
        using var unit = new Unit();
        Assert.That(() => Pkcs11Uri.Parse("pkcs11:token=t?pin-source=" + source, "t"),
            Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("bad_uri").And.Message.Contains("plain name"));
    }

    /// <summary>What systemd gives a service with LoadCredential=.</summary>
    private sealed class Unit : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Unit() => Environment.SetEnvironmentVariable("CREDENTIALS_DIRECTORY", _folder.Path);

        public void Write(string name, string text) => File.WriteAllText(_folder[name], text);

        public void Dispose()
        {
            Environment.SetEnvironmentVariable("CREDENTIALS_DIRECTORY", null);
            _folder.Dispose();
        }
    }
}
