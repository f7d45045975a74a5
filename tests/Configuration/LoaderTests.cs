using System.Text;
using EstProv.Configuration.Certd;
using EstProv.Configuration.Keyd;

namespace EstProv.Configuration.Tests;

internal sealed class LoaderTests
{
    private const string Token = """
        [pkcs11]
        lib_path = "/usr/lib/vendor.so"
        base_slot = "pkcs11:token=device?pin-value=1234"

        """;

    [Test]
    public void Drop_ins_are_laid_over_the_file_in_byte_order()
    {
        using var folder = new ConfigurationFolder()
            .Write("keyd.toml", "max_requests = 1\n" + Token)
            // In byte order capitals come before small letters, and 9 after 10.
            .Write("conf.d/9.toml", "max_requests = 9")
            .Write("conf.d/10.toml", "max_requests = 10\n[pkcs11]\nlib_path = \"/usr/lib/other.so\"")
            .Write("conf.d/Z.toml", "max_requests = 90")
            .Write("conf.d/a.toml", "max_requests = 97");
        var keyd = folder.Keyd().Value!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(keyd.MaxRequests, Is.EqualTo(97));
            Assert.That(keyd.Pkcs11!.LibPath.Value, Is.EqualTo("/usr/lib/other.so"));
            Assert.That(keyd.Pkcs11.LibPath.Position, Is.EqualTo(new Position(Path.Combine(folder.DropIns, "10.toml"), 3, 12)));
            Assert.That(keyd.Pkcs11.BaseSlot.Position, Is.EqualTo(new Position(Path.Combine(folder.Folder, "keyd.toml"), 4, 13)));
        }
    }

    [Test]
    public void Principals_append_and_an_empty_array_takes_away_those_before_it()
    {
        using var folder = new ConfigurationFolder()
            .Write("keyd.toml", "[[principal]]\nuid = 0\nkeys = [\"*\"]\nrights = [\"use\", \"generate\", \"delete\", \"export\"]")
            .Write("conf.d/10.toml", "[[principal]]\nuser = \"firmware\"\nkeys = [\"device-id\"]");
        var both = folder.Keyd().Value!.Principals;
        folder.Write("conf.d/05.toml", "principal = []");
        var one = folder.Keyd().Value!.Principals;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(both.Select(principal => principal.Uid), Is.EqualTo(new uint[] { 0, 1001 }));
            Assert.That(both[0].Rights, Is.EqualTo(KeyRights.Use | KeyRights.Generate | KeyRights.Delete | KeyRights.Export));
            Assert.That(both[1].Rights, Is.EqualTo(KeyRights.Use));
            Assert.That(one.Select(principal => principal.Uid), Is.EqualTo(new uint[] { 1001 }));
        }
    }

    [Test]
    public void A_principal_of_a_drop_in_appends_to_one_written_as_an_array()
    {
        using var folder = new ConfigurationFolder()
            .Write("keyd.toml", "principal = [{ uid = 1, keys = [\"a\"] }]")
            .Write("conf.d/10.toml", "[[principal]]\nuid = 2\nkeys = [\"b\"]");
        Assert.That(folder.Keyd().Value!.Principals.Select(principal => principal.Uid), Is.EqualTo(new uint[] { 1, 2 }));
    }

    [Test]
    public void Everything_that_stands_beside_the_source_document_is_read()
    {
        using var folder = new ConfigurationFolder().Write("certd.toml", """
            max_requests = 20

            [cert_issuance]
            device-ca = "est"
            device-id = "device-ca"
            module-server = { method = "est", key_algorithm = "rsa-2048" }

            [cert_issuance.est-id]
            method = "est"
            key_algorithm = "rsa-4096:ec-p256"
            common_name = "device-0001"

            [cert_issuance.est]
            method = "basic"
            identity_cert = "est-id"
            identity_pk = "est-key"
            username = "device"
            password_file = "/run/secret"
            bootstrap_use = "first-issue"
            trusted_certs = ["all"]
            trust = "system"

            [cert_issuance.est.urls]
            default = "https://est.example.com:8443/.well-known/est/a%20label/simplereenroll/"

            [preloaded_certs]
            a = "/a.pem"
            all = ["a"]

            [[principal]]
            user = "edge-agent"
            certs = ["module-*"]
            issuers = ["device-ca"]
            """);
        var loaded = folder.Certd();
        Assert.That(loaded.Errors, Is.Empty);
        var certd = loaded.Value!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(certd.MaxRequests, Is.EqualTo(20));
            Assert.That(certd.Issuance["device-id"].Method, Is.EqualTo(IssuanceMethod.DeviceCa));
            Assert.That(certd.Issuance["module-server"].KeyAlgorithm, Is.EqualTo("rsa-2048"));
            Assert.That(certd.Issuance["est-id"].CommonName, Is.EqualTo("device-0001"));
            Assert.That(certd.Issuance["est-id"].KeyAlgorithm, Is.EqualTo("rsa-4096:ec-p256"));
            Assert.That(certd.Est!.Method, Is.EqualTo(EstAuthentication.Basic));
            Assert.That(certd.Est.IdentityPk, Is.EqualTo("est-key"));
            Assert.That(certd.Est.Username, Is.EqualTo("device"));
            Assert.That(certd.Est.PasswordFile!.Value.Value, Is.EqualTo("/run/secret"));
            Assert.That(certd.Est.BootstrapUse, Is.EqualTo(BootstrapUse.FirstIssue));
            Assert.That(certd.Est.TrustedCerts!.Value.Value, Is.EqualTo(new[] { "all" }));
            Assert.That(certd.Est.TrustSystem, Is.True);
            Assert.That(certd.Est.Urls["default"].Value.AbsoluteUri, Is.EqualTo("https://est.example.com:8443/.well-known/est/a%20label"));
            Assert.That(certd.Principals.Single().Uid, Is.EqualTo(1002));
            Assert.That(certd.Principals.Single().Issuers, Is.EqualTo(new[] { "device-ca" }));
        }
    }

    [Test]
    public void A_pin_in_a_file_is_warned_of_where_it_stands_and_more_where_everybody_may_read_it()
    {
        using var folder = new ConfigurationFolder()
            .Write("keyd.toml", Token)
            .Write("conf.d/10.toml", "[preloaded_keys]\nbootstrap = \"pkcs11:object=a?pin-value=1234\"\nother = \"pkcs11:object=b?pin-source=file:/pin\"");
        const string OfToken = """
            warning: keyd.toml:3:13: pkcs11.base_slot has its PIN in this file
            hint: better, hand it to the unit as a credential, encrypted for this machine: pin-source=credential:pin

            """;
        Assert.That(folder.Shown(folder.Keyd()), Is.EqualTo(OfToken + """
            warning: conf.d/10.toml:2:13: preloaded_keys.bootstrap has its PIN in this file
            hint: better, hand it to the unit as a credential, encrypted for this machine: pin-source=credential:pin

            """));
        File.SetUnixFileMode(Path.Combine(folder.DropIns, "10.toml"), UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.That(folder.Shown(folder.Keyd()), Is.EqualTo(OfToken + """
            warning: conf.d/10.toml:2:13: preloaded_keys.bootstrap has its PIN in a file that every user of this machine may read
            hint: chmod o-r this file now; better, hand the PIN to the unit as a credential: pin-source=credential:pin

            """));
    }

    [Test]
    public void A_configuration_that_is_printed_has_no_pin_in_it()
    {
        using var folder = new ConfigurationFolder().Write("keyd.toml", Token + "[preloaded_keys]\na = \"pkcs11:object=a?pin-value=1234\"");
        Assert.That(folder.Keyd().Value!.ToString(), Does.Contain("pkcs11:token=device?…").And.Not.Contain("1234"));
    }

    [Test]
    public void A_folder_in_place_of_a_file()
    {
        using var folder = new ConfigurationFolder().Write("keyd.toml", "");
        Directory.CreateDirectory(Path.Combine(folder.DropIns, "10.toml"));
        Assert.That(folder.Shown(folder.Keyd()), Is.EqualTo("error: conf.d/10.toml: this is a folder; allowed: a TOML file\n"
            + "hint: move it away, or give it a name that does not end in .toml\n"));
    }

    [Test]
    public void A_file_in_place_of_the_drop_in_folder()
    {
        using var folder = new ConfigurationFolder().Write("keyd.toml", "").Write("conf.d", "");
        Assert.That(folder.Shown(folder.Keyd()), Is.EqualTo("""
            error: conf.d: this is a file; allowed: a folder of drop-ins (*.toml)
            hint: --config-dir DIR names the folder to a daemon

            """));
    }

    [Test]
    public void No_name_at_all()
    {
        var loaded = ConfigurationLoader.LoadKeyd("", "", ConfigurationFolder.FindUser);
        Assert.That(loaded.ToTerminalText(), Is.EqualTo("""
            error: (no name): the configuration file has no name
            hint: --config FILE names it to a daemon, --dir DIR its folder to estprov

            """));
    }

    [Test]
    public void A_drop_in_that_points_nowhere()
    {
        using var folder = new ConfigurationFolder().Write("keyd.toml", "");
        Directory.CreateDirectory(folder.DropIns);
        File.CreateSymbolicLink(Path.Combine(folder.DropIns, "10.toml"), "/nowhere");
        Assert.That(folder.Shown(folder.Keyd()), Does.StartWith("error: conf.d/10.toml: no such file\n"));
    }

    [Test]
    public void A_file_that_may_not_be_read()
    {
        var loaded = Load(new FailingFiles(_ => throw new UnauthorizedAccessException("Arg_UnauthorizedAccess")));
        Assert.That(loaded.ToTerminalText(), Is.EqualTo("""
            error: /etc/estprov/keyd.toml: cannot read this file: permission denied
            hint: give the daemon's user the right to read it: chgrp, chmod 0640

            """));
    }

    [Test]
    public void A_file_on_a_broken_disk()
    {
        var loaded = Load(new FailingFiles(_ => throw new IOException("IO_Whatever", 5)));
        Assert.That(loaded.ToTerminalText(), Is.EqualTo("""
            error: /etc/estprov/keyd.toml: cannot read this file (error 5)
            hint: check the file system

            """));
    }

    [Test]
    public void A_drop_in_folder_that_may_not_be_listed()
    {
        using var folder = new ConfigurationFolder().Write("conf.d/10.toml", "");
        var files = new FailingFiles(_ => new MemoryStream()) { ListFails = true };
        var loaded = ConfigurationLoader.Load(files, "keyd.toml", folder.DropIns, ConfigurationFolder.FindUser, KeydSchema.File, KeydBinder.Bind);
        Assert.That(folder.Shown(loaded), Is.EqualTo("""
            error: conf.d: cannot list this folder: permission denied
            hint: give the daemon's user the right to read it

            """));
    }

    [TestCase(1024 * 1024, "")]
    [TestCase(1024 * 1024 + 1, "error: /etc/estprov/keyd.toml: larger than 1 MiB; allowed: a TOML file of at most 1 MiB\nhint: is this the right file?\n")]
    public void An_enormous_file(int size, string expected)
    {
        var content = new byte[size];
        Array.Fill(content, (byte)'#');
        Assert.That(Load(new FailingFiles(_ => new MemoryStream(content))).ToTerminalText(), Is.EqualTo(expected));
    }

    [Test]
    public void A_file_without_end()
    {
        Assert.That(ConfigurationLoader.LoadKeyd("/dev/zero", "", ConfigurationFolder.FindUser).ToTerminalText(), Does.StartWith("error: /dev/zero: larger than 1 MiB"));
    }

    [TestCase("a = \"x\"\nb = \"ä\xff\"", "2:7: not UTF-8; allowed: text in UTF-8")]
    [TestCase("a = \"\xc3", "1:6: not UTF-8; allowed: text in UTF-8")]
    [TestCase("a = 1\n\0", "2:1: a NUL byte; allowed: text")]
    public void Bytes_that_are_no_text(string latin1, string expected)
    {
        var bytes = Encoding.Latin1.GetBytes(latin1.Replace("ä", "\xc3\xa4", StringComparison.Ordinal));
        var loaded = Load(new FailingFiles(_ => new MemoryStream(bytes)));
        Assert.That(loaded.Errors.Single().ToString(), Is.EqualTo("/etc/estprov/keyd.toml:" + expected));
    }

    [Test]
    public void Files_of_other_systems_are_read_with_their_byte_order_mark_and_line_ends()
    {
        var loaded = Load(new FailingFiles(_ => new MemoryStream([.. Encoding.UTF8.Preamble, .. "max_requests = 5\r\nhomedir_path = \"/srv\"\r\n"u8])));
        Assert.That(loaded.Value!.HomedirPath, Is.EqualTo("/srv"));
    }

    private static Loaded<KeydConfiguration> Load(ConfigurationFiles files) =>
        ConfigurationLoader.Load(files, "/etc/estprov/keyd.toml", "/nowhere", ConfigurationFolder.FindUser, KeydSchema.File, KeydBinder.Bind);

    /// <summary>Stands for a file system that refuses: tests may run as root, whom modes do not stop.</summary>
    private sealed class FailingFiles(Func<string, Stream> open) : ConfigurationFiles
    {
        public bool ListFails { get; init; }

        protected override Stream Open(string file) => open(file);

        protected override IEnumerable<string> List(string folder) => ListFails ? throw new UnauthorizedAccessException() : base.List(folder);
    }
}
