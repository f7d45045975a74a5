namespace EstProv.Cli.Tests;

public sealed class UsageTests
{
    [TestCase("help", "--help")]
    [TestCase("version", "--version")]
    [TestCase("no-command")]
    [TestCase("unknown-command", "stauts")]
    [TestCase("half-a-command", "config")]
    [TestCase("half-a-command-and-more", "config", "chek")]
    [TestCase("unknown-option", "status", "--jsno")]
    [TestCase("option-without-value", "status", "--runtime-dir")]
    [TestCase("option-with-value", "status", "--json=yes")]
    [TestCase("option-twice", "status", "--json", "--json")]
    [TestCase("word-missing", "cert", "show")]
    [TestCase("word-too-much", "key", "reference", "a", "b")]
    [TestCase("help-status", "status", "--help")]
    [TestCase("help-provision", "provision", "-h")]
    [TestCase("help-config-check", "config", "check", "--help")]
    [TestCase("help-config-reference", "config", "reference", "--help")]
    [TestCase("help-cert-show", "cert", "show", "--help")]
    [TestCase("help-renew", "renew", "--help")]
    [TestCase("help-distrust", "distrust", "--help")]
    [TestCase("help-distrusted", "distrusted", "--help")]
    [TestCase("help-rescue", "rescue", "--help")]
    [TestCase("help-check", "check", "--help")]
    [TestCase("help-reprovision", "reprovision", "--help")]
    [TestCase("help-cert-list", "cert", "list", "--help")]
    [TestCase("help-cert-export", "cert", "export", "--help")]
    [TestCase("help-cert-import", "cert", "import", "--help")]
    [TestCase("help-cert-delete", "cert", "delete", "--help")]
    [TestCase("help-key-list", "key", "list", "--help")]
    [TestCase("help-key-show", "key", "show", "--help")]
    [TestCase("help-bootstrap-create", "bootstrap", "create", "--help")]
    [TestCase("help-bootstrap-install", "bootstrap", "install", "--help")]
    [TestCase("help-config-import-azure", "config", "import-azure", "--help")]
    [TestCase("help-logs", "logs", "--help")]
    [TestCase("help-support-bundle", "support-bundle", "--help")]
    [TestCase("help-factory-reset", "factory-reset", "--help")]
    [TestCase("rescue-nothing", "rescue")]
    [TestCase("rescue-too-much", "rescue", "file", "--user", "x", "--password-file", "y")]
    [TestCase("rescue-half", "rescue", "--user", "x")]
    [TestCase("rescue-no-file", "rescue", "/nowhere/rescue.p7m")]
    [TestCase("distrust-bad-time", "distrust", "CN=x", "--over", "soon")]
    [TestCase("renew-nothing", "renew")]
    [TestCase("bootstrap-bad-days", "bootstrap", "create", "--days", "0")]
    [TestCase("bootstrap-bad-subject", "bootstrap", "create", "--subject", "nobody")]
    [TestCase("est-no-trust", "est", "cacerts", "--url", "https://est.example/.well-known/est")]
    [TestCase("est-bad-fingerprint", "est", "cacerts", "--url", "https://est.example/.well-known/est", "--fingerprint", "sha256:12")]
    [TestCase("est-full-cmc", "est", "cacerts", "--url", "https://est.example/.well-known/est/fullcmc", "--fingerprint",
        "sha256:0000000000000000000000000000000000000000000000000000000000000000")]
    [TestCase("est-no-url", "est", "cacerts")]
    [TestCase("logs-no-daemon", "logs", "keydd")]
    [TestCase("help-token-selftest", "token", "selftest", "--help")]
    [TestCase("help-key-reference", "key", "reference", "--help")]
    [TestCase("help-est-cacerts", "est", "cacerts", "--help")]
    [TestCase("help-est-csrattrs", "est", "csrattrs", "--help")]
    [TestCase("help-est-enroll", "est", "enroll", "--help")]
    [TestCase("help-est-reenroll", "est", "reenroll", "--help")]
    [TestCase("help-est-serverkeygen", "est", "serverkeygen", "--help")]
    [TestCase("half-a-command-est", "est")]
    [TestCase("key-reference-empty", "key", "reference", "")]
    [TestCase("key-reference-relative", "key", "reference", "device-id", "--socket", "keyd.sock")]
    [TestCase("key-reference-socket", "key", "reference", "device-id", "--no-check", "--socket", "/run/other/keyd 2.sock")]
    [TestCase("key-reference-escaped", "key", "reference", "--no-check", "--", "--a key of a name that is long enough for two lines of base64 ü")]
    public void What_the_command_says(string transcript, params string[] arguments) => Transcript.Check(transcript, null, arguments);

    [Test]
    public void The_runtime_folder_may_stand_before_the_command()
    {
        using var device = new FakeDevice();
        using var screen = new StringWriter();
        var code = OperatorCommand.Run(["--runtime-dir", device.Folder, "provision"], screen, screen, "1.2.3", default);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(screen.ToString(), Does.Contain(device.Folder));
    }
}
