using System.Text.Json;
using EstProv.LocalApi;
using EstProv.Platform;

namespace EstProv.Cli.Tests;

/// <summary>cert, key, reprovision, logs, factory-reset and support-bundle.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class OperatorToolTests : IDisposable
{
    private const string Secret = "S3cr3t-7c1f";

    private readonly FakeDevice _device = BrokenDevice.Whole();

    public void Dispose() => _device.Dispose();

    [Test]
    public void Certificates_are_listed_written_into_a_file_brought_and_forgotten()
    {
        _device.Started();
        Transcript.Check("cert-list", _device, "cert", "list");
        var file = Path.Combine(_device.Folder, "out.pem");
        Assert.That(Transcript.Run(_device, ["cert", "export", "device-id", file], out var code), Is.Empty);
        Assert.That((code, File.ReadAllText(file)), Is.EqualTo((0, _device.Certificates["device-id"])));
        Transcript.Check("cert-import", _device, "cert", "import", "device-id", file);
        using (var sent = JsonDocument.Parse(_device.Done[^1]["imported device-id ".Length..]))
            Assert.That(sent.RootElement.GetProperty("pem").GetString(), Is.EqualTo(_device.Certificates["device-id"]));
        Transcript.Check("cert-delete-unconfirmed", _device, "cert", "delete", "device-id");
        Assert.That(_device.Done, Has.Count.EqualTo(1));
        _device.Machine.Line = "y";
        Transcript.Run(_device, ["cert", "delete", "device-id"], out code);
        Transcript.Run(_device, ["cert", "delete", "est-id", "--yes"], out _);
        Assert.That((code, _device.Done[1], _device.Done[2]), Is.EqualTo((0, "deleted device-id", "deleted est-id")));
    }

    [Test]
    public void What_is_no_certificate_is_not_sent()
    {
        _device.Started();
        File.WriteAllText(Path.Combine(_device.Folder, "x"), "x");
        Transcript.Check("cert-import-none", _device, "cert", "import", "device-id", Path.Combine(_device.Folder, "x"));
        Assert.That(_device.Done, Is.Empty);
    }

    [Test]
    public void Keys_are_listed_and_shown()
    {
        const string Spki = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5S6Yb0lxQVKfUhqRf3rQ1Z5rV0mCk0fX4m1cZ3gqkWb1mJ0aQGZk2kq1Y0m9mYw1n8yX0Z4b1l6Q0bVf3m1n1w==";
        _device.KeyPairs = $$"""{"keypairs":[{"keyId":"device-id","state":"current","keyHandle":"v1.x","algorithm":"EC P-256","spki":"{{Spki}}"},{"keyId":"lost","state":"current","message":"there is no token in slot 3","hint":"","code":"token_absent"}],"more":false}""";
        _device.Started();
        Transcript.Check("key-list", _device, "key", "list");
        Transcript.Check("key-show", _device, "key", "show", "device-id");
        Transcript.Check("key-show-none", _device, "key", "show", "nothing");
    }

    [Test]
    public void The_device_is_registered_again()
    {
        _device.Started();
        Transcript.Check("reprovision", _device, "reprovision");
        Assert.That(_device.Done, Is.EqualTo(new[] { """reprovisioned {"type":"aziot"}""" }));
        _device.Refusals["POST reprovision"] = new ProblemException("dps_unauthorized",
            "https://dps.example/ did not accept certificate device-id (401)", "enrol its issuer in DPS", 503);
        Transcript.Check("reprovision-failed", _device, "reprovision");
    }

    [Test]
    public void Logs_are_the_journals()
    {
        Transcript.Run(null, ["logs", "nobody"], out var code);
        Assert.That(code, Is.EqualTo(64));
        using var screen = new StringWriter();
        var terminal = new Output.Terminal(screen, screen, false, false);
        OperatorCommand.Run(["logs", "certd", "-f", "--lines", "5"], terminal, "1.2.3", TimeProvider.System, _device.Machine);
        Assert.That(_device.Machine.Became, Is.EqualTo(new[] { "/usr/bin/journalctl", "--output=short-iso", "--lines=5",
            "--unit=estprov-certd.service", "--follow" }));
        screen.GetStringBuilder().Clear();
        code = OperatorCommand.Run(["logs", "certd"], terminal, "1.2.3", TimeProvider.System, _device.Machine);
        Transcript.Compare("logs-no-journal", ["logs", "certd"], screen.ToString(), code, null, "");
        Assert.That(OperatorCommand.Run(["logs", "--lines", "5; reboot"], terminal, "1.2.3", TimeProvider.System, _device.Machine),
            Is.EqualTo(64));
    }

    [Test]
    public void A_reset_is_certds_and_then_the_device_is_registered_again()
    {
        _device.Started();
        _device.Machine.Line = "yes";
        Reset("done");
        Assert.That(_device.Done, Is.EqualTo(new[] { """reset {"now":true,"waitSeconds":120}""", """reprovisioned {"type":"aziot"}""" }));
    }

    [Test]
    public void A_reset_is_asked_for()
    {
        _device.Started();
        Reset("unconfirmed");
        Assert.That(_device.Done, Is.Empty);
    }

    [Test]
    public void Nothing_is_begun_where_certd_or_identityd_would_refuse_or_is_not_there()
    {
        _device.StartKeyd().StartCertd();
        Reset("no-identityd", "--yes");
        _device.StartIdentityd();
        _device.Refusals["POST cloud"] = new ProblemException("forbidden", "user 1000 is not authorized to have DPS and the hub asked", "add a [[principal]]", 401);
        Reset("not-allowed", "--yes");
        _device.Refusals.Clear();
        _device.Refusals["POST reset"] = new ProblemException("reset_refused",
            "nothing was forgotten, since the device could not come back: the bootstrap certificate 'bootstrap' has expired at 2026-01-01 00:00:00Z",
            "have it signed anew first: estprov bootstrap create, estprov bootstrap install", 409);
        Reset("refused", "--yes");
        Assert.That(_device.Done, Is.Empty);
    }

    [Test]
    public void A_registration_that_fails_after_a_reset_is_told()
    {
        _device.Started();
        _device.Refusals["POST reprovision"] = new ProblemException("dps_unauthorized",
            "https://dps.example/ did not accept certificate device-id (401)", "enrol its issuer in DPS", 503);
        Reset("registration", "--yes");
    }

    [Test]
    public void A_support_bundle_has_all_that_helps_and_no_secret()
    {
        BrokenDevice.Write(_device, "keyd.toml", $"""
            # {Secret} in a comment
            homedir_path = "{_device.Folder}/keyd"
            unknown = "{Secret}"
            [pkcs11]
            lib_path = "/usr/lib/hsm.so"
            base_slot = "pkcs11:slot-id=0?pin-value={Secret}"
            [preloaded_keys]
            bootstrap = "pkcs11:slot-id=0;object=x?pin-value={Secret}"
            """);
        BrokenDevice.Write(_device, "identityd.toml", $$"""
            [provisioning]
            source = "dps"
            scope_id = "0ne0001"
            [provisioning.attestation]
            method = "symmetric_key"
            symmetric_key = { value = "{{Secret}}" }
            """);
        var certd = File.ReadAllText(Path.Combine(_device.Folder, "certd.toml"));
        BrokenDevice.Write(_device, "certd.toml", certd.Replace("identity_pk = \"est-id\"",
            $"identity_pk = \"est-id\"\nproxy = \"http://u:{Secret}@proxy.example:3128\"", StringComparison.Ordinal)
            + $"[cert_issuance.est.headers]\nX-Token = \"{Secret}\"");
        _device.Machine.Printed = "printed\n";
        _device.Started();
        var file = Path.Combine(_device.Folder, "bundle.txt");
        Transcript.Run(_device, ["support-bundle", file, "--dir", _device.Folder], out var code);
        var bundle = File.ReadAllText(file);
        Assert.That(code, Is.Zero);
        Assert.That(bundle, Does.Not.Contain(Secret));
        foreach (var part in new[] { "==== check\n", "==== keyd: metrics\n# TYPE estprov_build_info", "==== log\nprinted", "/keyd.toml",
            "lib_path = \"/usr/lib/hsm.so\"", "pkcs11.base_slot = …", "-----BEGIN CERTIFICATE-----", "\"hub\":\"hub.example\"",
            "cert_issuance.est.headers.X-Token = …" })
            Assert.That(bundle, Does.Contain(part));
        Assert.That(File.GetUnixFileMode(file), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(_device.Machine.Ran, Has.Count.EqualTo(2));
    }

    [Test]
    public void A_support_bundle_is_written_where_nothing_runs()
    {
        var file = Path.Combine(_device.Folder, "bundle.txt");
        Transcript.Check("bundle", _device, "support-bundle", file, "--dir", _device.Folder);
        Assert.That(File.ReadAllText(file), Does.Contain("cannot reach the Certificates Service"));
    }

    [Test]
    public void A_key_of_which_no_request_can_be_made_is_told()
    {
        _device.Started();
        _device.PublicKeys["bootstrap"] = [.. Convert.FromHexString("302a300506032b6570032100"), .. new byte[32]];
        Transcript.Check("bootstrap-key-kind", _device, "bootstrap", "create", "--dir", _device.Folder);
    }

    [Test]
    public void Who_may_make_no_key_is_told_how_he_may()
    {
        _device.Started();
        _device.Refusals["POST /keypair"] = new ProblemException("forbidden", "user 1000 is not authorized to generate the key other", "add a [[principal]]", 401);
        var text = Transcript.Run(_device, ["bootstrap", "create", "--id", "other"], out var code);
        Transcript.Compare("bootstrap-forbidden", ["bootstrap", "create", "--id", "other"],
            text.Replace($"uid = {Users.Self},", "uid = 1000,", StringComparison.Ordinal), code, _device.Folder, "/run/estprov");
    }

    [Test]
    public void What_lies_beside_a_file_to_be_written_is_left_alone()
    {
        _device.Started();
        var (file, victim) = (Path.Combine(_device.Folder, "out.pem"), Path.Combine(_device.Folder, "victim"));
        File.WriteAllText(victim, "precious");
        File.CreateSymbolicLink(file + ".tmp", victim);
        Transcript.Run(_device, ["cert", "export", "device-id", file], out var code);
        Assert.That((code, File.ReadAllText(victim), File.ReadAllText(file)), Is.EqualTo((0, "precious", _device.Certificates["device-id"])));
        Assert.That(new FileInfo(file).LinkTarget, Is.Null);
        Assert.That(File.Exists(file + ".tmp"), Is.True);

        Transcript.Check("cert-export-no-folder", _device, "cert", "export", "device-id", Path.Combine(_device.Folder, "nowhere", "out.pem"));
    }

    [Test]
    public void A_support_bundle_has_the_other_certificates_where_one_cannot_be_read()
    {
        _device.Started();
        _device.Certificates.Remove("device-id");
        var file = Path.Combine(_device.Folder, "bundle.txt");
        Transcript.Run(_device, ["support-bundle", file, "--dir", _device.Folder], out _);
        Assert.That(File.ReadAllText(file), Does.Contain("there is no certificate 'device-id'").And.Contain(_device.Certificates["est-id"]));
    }

    [TestCase("cert", "import", "x", "")]
    [TestCase("cert", "export", "", "x")]
    [TestCase("cert", "export", "x", "y", "--runtime-dir=")]
    [TestCase("bootstrap", "create", "--out", "")]
    [TestCase("bootstrap", "install", "")]
    public void A_variable_that_is_not_set_is_told(params string[] arguments)
    {
        Assert.That(Transcript.Run(null, arguments, out var code), Does.Contain("empty").And.Contain("a variable that is not set"));
        Assert.That(code, Is.EqualTo(64));
    }

    [Test]
    public void Words_that_are_there_and_empty_or_wrong()
    {
        Transcript.Check("option-empty", null, "cert", "list", "--runtime-dir=");
        Transcript.Check("bootstrap-bad-algorithm", null, "bootstrap", "create", "--algorithm", "ec-p256:ed25519");
        Transcript.Check("logs-bad-lines", null, "logs", "--lines", "many");
    }

    [Test]
    public void What_nobody_has_thought_of_is_told_like_all_else()
    {
        using var screen = new StringWriter { NewLine = "\n" };
        var machine = new BrokenMachine();
        var code = OperatorCommand.Run(["logs"], new Output.Terminal(screen, screen, false, false), "1.2.3", TimeProvider.System, machine);
        Transcript.Compare("unforeseen", ["logs"], screen.ToString(), code, null, "");
    }

    [Test]
    [Description("ie#1815: no clock at boot")]
    public void No_certificate_is_made_of_a_time_that_cannot_be()
    {
        _device.Started();
        _device.Machine.Built = _device.Time.GetUtcNow().AddDays(1);
        Transcript.Check("bootstrap-clock", _device, "bootstrap", "create", "--self-signed");
    }

    [Test]
    public void The_configuration_is_shown_as_it_holds_without_its_secrets()
    {
        BrokenDevice.Write(_device, "keyd.toml", $"""
            homedir_path = "/var/lib/estprov/keyd"
            max_requests = 10
            [pkcs11]
            lib_path = "/usr/lib/hsm.so"
            base_slot = "pkcs11:slot-id=0?pin-value={Secret}"
            [[principal]]
            uid = 0
            keys = ["*"]
            """);
        Directory.CreateDirectory(Path.Combine(_device.Folder, "keyd.d"));
        BrokenDevice.Write(_device, "keyd.d/50-more.toml", "max_requests = 20\nunknown = \"x\"\n[[principal]]\nuid = 1000\nkeys = [\"device-id\"]");
        Transcript.CheckIn(_device.Folder, "config-show", "config", "show", "keyd", "--dir", _device.Folder);
        Assert.That(Transcript.Run(null, ["config", "show", "--dir", _device.Folder], out var code), Does.Contain("# certd\n").And.Not.Contain(Secret));
        Assert.That(code, Is.Zero);
        Transcript.CheckIn(_device.Folder, "config-show-nobody", "config", "show", "nobody");
        BrokenDevice.Write(_device, "keyd.d/60-broken.toml", "max_requests = ");
        Transcript.CheckIn(_device.Folder, "config-show-broken", "config", "show", "keyd", "--dir", _device.Folder);
    }

    private sealed class BrokenMachine : Checks.Machine
    {
        public override void Become(string program, string[] arguments) => throw new NotSupportedException("Arg_NotSupportedException");
    }

    [Test]
    public void A_daemon_of_another_age_is_not_understood()
    {
        _device.Started();
        _device.Credentials = "[]";
        Transcript.Check("cert-list-bad-answer", _device, "cert", "list");
    }

    [Test]
    public void Output_that_cannot_be_written_is_told_and_who_has_gone_is_not()
    {
        var (code, errors) = Into(28);
        Transcript.Compare("output-full", ["--help"], errors, code, null, "");
        Assert.That(Into(32), Is.EqualTo((1, "")));
    }

    /// <summary>The help, into a file that ends so, and the errors.</summary>
    private static (int Code, string Errors) Into(int error)
    {
        using var output = new BrokenWriter(error);
        using var errors = new StringWriter { NewLine = "\n" };
        var code = OperatorCommand.Run(["--help"], new Output.Terminal(output, errors, false, false), "1.2.3", TimeProvider.System);
        return (code, errors.ToString());
    }

    private sealed class BrokenWriter(int error) : StringWriter
    {
        public override void Write(char value) => throw new IOException("as it is", error);

        public override void Write(string? value) => throw new IOException("as it is", error);
    }

    private void Reset(string name, params string[] more) => Transcript.Check("reset-" + name, _device,
        ["factory-reset", .. more]);
}
