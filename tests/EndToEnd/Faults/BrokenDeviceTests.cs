using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using EstProv.EndToEnd.Tests.Support;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>
/// One device that is provisioned, with the daemons' users on its machine, broken in one way at a time, and what <c>estprov check</c> says
/// to it: all that it says, and nothing that is false. What it said stands in <c>broken-device.txt</c> beside the tests. Needs root.
/// </summary>
public sealed class BrokenDeviceTests
{
    private const string NoCertd = "error daemons certd_unreachable";

    private static readonly string[] s_daemons = ["keyd", "certd", "identityd"];
    private static readonly string[] s_state = [.. s_daemons, "token"];
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private SimulatorFixture _simulator = null!;
    private Device _device = null!;
    private DaemonUsers _users = null!;

    private string Whole => _device.Folder + ".whole";

    private static string Transcript => Path.Combine(TestContext.CurrentContext.TestDirectory, "broken-device.txt");

    [OneTimeSetUp]
    public void Provision()
    {
        _simulator = new SimulatorFixture(static options => options with { AssignedHub = "auto" });
        _device = new Device(_simulator, "device-80");
        _device.AppendManager();
        File.AppendAllText(_device.At("keyd.toml"), $"[[principal]]\nuid = {Device.UserId}\nkeys = [\"*\"]\n");
        File.AppendAllText(_device.At("certd.toml"), $"[[principal]]\nuid = {Device.UserId}\ncerts = [\"*\"]\n");
        // As an operator names it who may put another token in.
        _device.Edit("keyd", $"slot-id={_device.Token.Slot}", "token=device");
        _users = new DaemonUsers(_device);
        StartAll();
        KillAll();
        Tool.Run("cp", ["-a", _device.Folder, Whole]);
        Directory.Delete(Path.Combine(Whole, "run"), recursive: true);
        StartAll();
        File.WriteAllText(Transcript, "");
    }

    [OneTimeTearDown]
    public void End()
    {
        if (Directory.Exists(Whole)) Directory.Delete(Whole, recursive: true);
        _device.Dispose();
        _simulator.Dispose();
    }

    [TearDown]
    public void Mend()
    {
        KillAll();
        _device.Environment.Remove("LD_PRELOAD");
        _device.Environment["OPENSSL_MODULES"] = Stage.ProviderFolder;
        Tool.Run("rm", ["-rf", .. s_state.Select(_device.At)]);
        Tool.Run("cp", ["-a", Whole + "/.", _device.Folder]);
        StartAll();
    }

    [Test]
    public void Nothing_is_broken()
    {
        var report = Check(exit: 0);
        Assert.That(report.Text, Does.Contain("pass: keys: device-id: keyd has its key").And.Contain(" passed, 0 warnings, 0 errors"));
    }

    [TestCase("keyd", "Key Service")]
    [TestCase("certd", "Certificates Service")]
    [TestCase("identityd", "Identity Service")]
    public void A_daemon_is_stopped(string daemon, string service)
    {
        _device[daemon].Terminate();
        Check(exit: 1, $"error daemons {daemon}_unreachable").Says(
            $"error: daemons: cannot reach the {service} at /device/run/{daemon}.sock: connection refused",
            $"hint: is estprov-{daemon} running? systemctl status estprov-{daemon}");
    }

    [Test]
    public void The_pin_is_wrong()
    {
        _device.SetPin("9999");
        Restart("keyd");
        var told = _device["keyd"].WaitForLine("the token cannot be used now", s_patience);
        Assert.That(told, Does.Contain("refuses the PIN of pkcs11:token=device (CKR_PIN_INCORRECT) (code=pin_incorrect; hint: ")
            .And.Contain("and restart the Key Service, or in the file of pin-source; it is not tried again until then"));
        // Whoever starts it again learns that it was the PIN, and the token does not see that one again.
        Restart("keyd");
        var report = Check(exit: 1, "error token pin_refused_before");
        report.Says("error: token: token 'device' in slot ", "has refused the PIN of pkcs11:token=device before; it is not tried again",
            "hint: correct the PIN in the configuration and restart the Key Service; "
                + "if the token was changed instead, delete /device/keyd/pins");
        Assert.That(report.Text, Does.Not.Contain("9999").And.Not.Contain(Token.Pin));
        _device.SetPin(Token.Pin);
        Restart("keyd");
        Check(exit: 0);
    }

    [Test]
    public void The_token_is_not_there()
    {
        _device.Edit("keyd", "token=device", "token=other");
        Restart("keyd");
        Check(exit: 1, "error token token_not_found").Says(
            "error: token: no token matches pkcs11:token=other; there is slot ", "(token 'device', serial ",
            "hint: correct the token's label or serial number, or insert the token");
    }

    [Test]
    public void The_slot_is_not_there()
    {
        _device.Edit("keyd", "token=device", "slot-id=424242");
        Restart("keyd");
        Check(exit: 1, "error token token_no_slot").Says(
            $"error: token: the PKCS#11 module {Token.Module} has no slot 424242; it has slot ", "(token 'device', ",
            "hint: correct slot-id, or name the token by its label");
    }

    [Test]
    public void Another_token_stands_in_the_slot()
    {
        _device["keyd"].Terminate();
        Directory.Delete(_device.At("token"), recursive: true);
        Directory.CreateDirectory(_device.At("token"));
        _device.Token.Initialize();
        _users.Own();
        _users.Start("keyd");
        var report = Check(exit: 1, "error keys key_mismatch");
        foreach (var id in new[] { "device-id", "est-id" })
        {
            report.Says($"error: keys: {id}: keyd has no key '{id}' that belongs to it",
                "hint: is it the token with which the certificate was requested?");
        }

        report.Says("error: keys: bootstrap: the Key Service has no key 'bootstrap' that belongs to the bootstrap certificate 'bootstrap'",
            "hint: [preloaded_keys] of the Key Service must name the key with which that certificate was requested");
    }

    [Test]
    public void The_pkcs11_library_is_missing()
    {
        _device.Edit("keyd", Token.Module, "/nowhere/module.so");
        Restart("keyd");
        Check(exit: 1, "error token module_missing").Says("error: token: the PKCS#11 module /nowhere/module.so does not exist",
            "hint: install the token vendor's library or correct lib_path in [pkcs11]");
    }

    [Test]
    public void The_provider_is_missing()
    {
        _device.Environment["OPENSSL_MODULES"] = _device.At("nowhere");
        Restart("certd");
        Restart("identityd");
        Check(exit: 1, "error provider provider_missing").Says(
            "error: provider: OpenSSL's provider for keys of the Key Service is missing: /device/nowhere/estprov.so",
            "hint: install estprov.so into OpenSSL's ossl-modules folder");
    }

    [Test]
    public void The_est_server_is_under_another_ca()
    {
        File.Copy(_simulator.DpsCa, _device.At("est-ca.cer"), overwrite: true);
        Check(exit: 1, "error est est_tls_untrusted").Says($"{_simulator.EstUrl("est-id")}/cacerts",
            "the server is not trusted: its certificate 'CN=localhost' leads to the unknown CA 'CN=EstProv simulator EST server CA'; ",
            "trusted are: 'CN=EstProv simulator Cloud server CA'", "hint: add that CA's certificate to the trusted ones");
    }

    [Test]
    public void The_trust_bundle_is_empty()
    {
        _device.Edit("certd", "    \"est-ca\",\n", "");
        Restart("certd");
        Check(exit: 1, "error trust preloaded_no_certificate", "error est preloaded_no_certificate").Says(
            "error: trust: trust-bundle: /device/certd.toml:", "the bundle 'trust-bundle' is empty", "hint: list certificate ids in it");
    }

    [Test]
    public void The_file_of_the_trust_bundle_is_missing()
    {
        File.Delete(_device.At("est-ca.cer"));
        Check(exit: 1, "error trust preloaded_missing", "error est preloaded_missing").Says(
            "error: trust: trust-bundle: /device/certd.toml:", "certificate 'est-ca': no such file: /device/est-ca.cer",
            "hint: put the file there, or correct the path in [preloaded_certs]");
    }

    [Test]
    public void All_in_the_trust_bundle_has_expired()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTimeOffset.UtcNow;
        var request = new CertificateRequest("CN=Old CA", key, HashAlgorithmName.SHA256);
        using var old = request.CreateSelfSigned(now.AddYears(-3), now.AddYears(-1));
        File.WriteAllText(_device.At("est-ca.cer"), old.ExportCertificatePem() + "\n");
        var report = Check(exit: 1, "warning trust anchor_expired", "error trust trust_empty", "error est est_tls_untrusted");
        report.Says("warning: trust: trust-bundle: 'CN=Old CA' has expired at ", "hint: remove its file, and bring its successor's");
        report.Says("error: trust: trust-bundle holds no CA that is valid",
            "hint: put the EST server's CA into [preloaded_certs] \"trust-bundle\"");
    }

    [Test]
    public void The_est_server_is_down() => Without(SimulatorService.Est, () =>
        Check(exit: 1, "error est est_unreachable").Says(
            $"error: est: GET {_simulator.EstUrl("est-id")}/cacerts ", $"connection refused by localhost:{_simulator.Ports.Est}",
            "hint: the server does not run there, or a firewall refuses us"));

    [Test]
    public void Dps_is_down() => Without(SimulatorService.Dps, () =>
        Check(exit: 1, "error cloud cloud_unreachable").Says(
            $"error: cloud: GET {_simulator.DpsUrl}/ ", $"connection refused by localhost:{_simulator.Ports.Dps}",
            "hint: the server does not run there, or a firewall refuses us"));

    [Test]
    public void Dps_refuses()
    {
        var refusal = new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Dps, Route = "register", Status = 401 };
        var fault = _simulator.Host.AddFault(refusal);
        try
        {
            var (code, output) = Command("reprovision");
            Assert.That(code, Is.EqualTo(1), output);
            Check(exit: 1, "error cloud dps_unauthorized").Says(
                $"error: cloud: {_simulator.DpsUrl}/{_simulator.ScopeId}/registrations/device-80/register",
                "did not accept certificate device-id (subject CN=device-80, issuer CN=EstProv simulator Device identity CA)", "(401: ",
                "hint: enrol the certificate's issuer (CN=EstProv simulator Device identity CA) in DPS's enrolment group");
        }
        finally
        {
            _simulator.Host.Faults.Remove(fault);
        }
    }

    [Test]
    public void The_bootstrap_certificate_has_expired()
    {
        ExpireBootstrap();
        Check(exit: 2, "warning bootstrap bootstrap_expired").Says("warning: bootstrap: bootstrap has expired at ",
            "hint: have it signed anew for its key: estprov bootstrap create, then estprov bootstrap install");
    }

    [Test]
    public void The_bootstrap_certificate_has_expired_and_the_est_identity_is_lost()
    {
        ExpireBootstrap();
        _device["certd"].Terminate();
        Directory.Delete(_device.At("certd"), recursive: true);
        Directory.CreateDirectory(_device.At("certd"));
        _users.Own();
        _users.Start("certd");
        _device["certd"].WaitForLine("code=est_unauthorized", s_patience);
        Check(exit: 1, "error certificates est_unauthorized", "warning bootstrap bootstrap_expired", "error cloud est_unauthorized").Says(
            "error: certificates: est-id is not there: ", "hint: ");
    }

    [Test]
    public void A_word_in_certd_toml_is_mistyped()
    {
        _device.Edit("certd", "\"method\" = \"x509\"", "\"metod\" = \"x509\"");
        // It goes on by what it read before.
        var report = Check(exit: 1, "error configuration config_invalid");
        report.Says("error: configuration: /device/certd.toml:10:1: unknown key cert_issuance.est.metod", "hint: did you mean method?");
        _device["certd"].Terminate();
        Assert.That(_device.Start("certd").WaitForExit(s_patience), Is.EqualTo(78));
        report = Check(exit: 1, "error configuration config_invalid", NoCertd);
        report.Says("error: configuration: /device/certd.toml:10:1: unknown key cert_issuance.est.metod", "hint: did you mean method?");
    }

    [Test]
    public void A_state_folder_is_open_to_others()
    {
        Tool.Run("chmod", ["0777", _device.At("certd")]);
        Restart("certd");
        Check(exit: 2, "warning state state_mode").Says(
            $"warning: state: /device/certd is open to others (uid {DaemonUsers.IdOf("certd")}, mode 0777)",
            "hint: chmod 0700 /device/certd");
    }

    [Test]
    public void The_state_folder_of_certd_is_roots()
    {
        Tool.Run("chown", ["-R", "0:0", _device.At("certd")]);
        _device["certd"].Terminate();
        Assert.That(_device.Start("certd").WaitForExit(s_patience), Is.EqualTo(1));
        Check(exit: 1, "error state state_owner", NoCertd).Says(
            "error: state: /device/certd does not belong to estprov-certd (uid 0, mode 0700)",
            "hint: chown -R estprov-certd:estprov-certd /device/certd");
    }

    [Test]
    public void The_state_folder_of_keyd_is_roots_and_no_key_is_called_lost()
    {
        var before = _device.CertificatesOf("device-id");
        Tool.Run("chown", ["-R", "0:0", _device.At("keyd")]);
        Restart("keyd");
        _device["certd"].Terminate();
        _users.Start("certd");
        _device["certd"].WaitForLine("code=index_damaged", s_patience, skip: 1);
        // Keys that keyd cannot know of are not keys that are gone: certd serves on, and asks for no certificate in their place.
        var report = Check(exit: 1, "error state state_owner", "error token file_permission",
            "warning certificates index_damaged", "error est certificate_pending");
        report.Says("error: state: /device/keyd does not belong to estprov-keyd (uid 0, mode 0700)",
            "hint: chown -R estprov-keyd:estprov-keyd /device/keyd");
        report.Says("warning: certificates: device-id is good until ",
            ", but is not renewed: the folder /device/keyd/keys could not be read at start",
            "hint: give it to the Key Service's user, then restart the Key Service");
        Assert.That(_device.CertificatesOf("device-id"), Is.EqualTo(before));
        _users.Own();
        Restart("keyd");
        Restart("certd");
        Check(exit: 0);
        Assert.That(_device.CertificatesOf("device-id"), Is.EqualTo(before));
    }

    [Test]
    public void The_state_folder_of_identityd_is_roots()
    {
        Tool.Run("chown", ["-R", "0:0", _device.At("identityd")]);
        _device["identityd"].Terminate();
        Assert.That(_device.Start("identityd").WaitForExit(s_patience), Is.EqualTo(1));
        Check(exit: 1, "error state state_owner", "error daemons identityd_unreachable").Says(
            "error: state: /device/identityd does not belong to estprov-identityd (uid 0, mode 0700)",
            "hint: chown -R estprov-identityd:estprov-identityd /device/identityd");
    }

    [Test]
    public void The_clock_is_before_the_build()
    {
        KillAll();
        _device.Environment["LD_PRELOAD"] = Stage.Clock;
        var ahead = new DateTime(1970, 1, 2, 0, 0, 0, DateTimeKind.Utc) - DateTime.UtcNow;
        _device.Environment["ESTPROV_CRASH_CLOCK"] = $"{(long)ahead.TotalSeconds}";
        foreach (var daemon in s_daemons) Start(daemon);
        Check(exit: 2, "warning clock clock_behind").Says(
            "warning: clock: the clock says 1970-01-02 00:0", "which cannot be: later times have been seen",
            "hint: set it, or let a time service do so; until then nothing is judged expired");
    }

    private void ExpireBootstrap()
    {
        _simulator.Host.Clock.Offset = TimeSpan.FromDays(-366);
        _simulator.SignBootstrap(_device.At("bootstrap.csr"), _device.At("bootstrap.cer"));
        _simulator.Host.Clock.Offset = TimeSpan.Zero;
    }

    /// <summary>Nobody listens at a service's port.</summary>
    private void Without(SimulatorService service, Action then)
    {
        _simulator.Stop();
        _simulator.StartAgain(without: service);
        try
        {
            then();
        }
        finally
        {
            _simulator.Stop();
            _simulator.StartAgain();
        }
    }

    private void StartAll()
    {
        foreach (var daemon in s_daemons) _users.Start(daemon);
        _device.WaitUntilProvisioned();
        WaitUntilLookedAt();
    }

    private void Start(string daemon)
    {
        _users.Start(daemon);
        if (daemon == "certd") WaitUntilLookedAt();
        if (daemon == "identityd") _device[daemon].WaitForLine("provisioned: device device-80", s_patience);
    }

    /// <summary>Until certd has asked keyd for the key of the EST identity, which it does as soon as it serves.</summary>
    private void WaitUntilLookedAt()
    {
        var since = Stopwatch.StartNew();
        while (_device.Command("check", "--explain-issuance", "est-id").Output.Contains("is being looked at", StringComparison.Ordinal))
            Assert.That(since.Elapsed, Is.LessThan(Patience.Of(s_patience)), () => _device.Logs());
    }

    private void KillAll()
    {
        foreach (var daemon in s_daemons) _device[daemon].Kill();
    }

    private void Restart(string daemon)
    {
        _device[daemon].Terminate();
        Start(daemon);
    }

    private (int ExitCode, string Output) Command(params string[] arguments)
    {
        var (code, output) = _device.Command(arguments);
        output = output.Replace(_device.Folder, "/device", StringComparison.Ordinal);
        var text = $"$ estprov {string.Join(' ', arguments)}\n{output}\n[exit {code}]\n";
        TestContext.Out.WriteLine(text);
        File.AppendAllText(Transcript, $"==== {TestContext.CurrentContext.Test.Name}\n{text}\n");
        return (code, output);
    }

    /// <summary>Checks as people and as programs do, and holds that what is not in order is just this.</summary>
    /// <param name="exit">The exit code.</param>
    /// <param name="findings"><c>RESULT CHECK CODE</c>, each once.</param>
    private Report Check(int exit, params string[] findings)
    {
        var (code, text) = Command("check", "--dir", _device.Folder);
        var (jsonCode, output) = _device.Command("check", "--dir", _device.Folder, "--json");
        var json = JsonElement.Parse(output.Replace(_device.Folder, "/device", StringComparison.Ordinal));
        List<string> found = [], lines = [];
        foreach (var finding in json.GetProperty("findings").EnumerateArray())
        {
            string Of(string member) => finding.GetProperty(member).GetString()!;
            if (Of("result") == "pass") continue;
            found.Add($"{Of("result")} {Of("check")} {Of("code")}");
            lines.Add($"{Of("result")}: {Of("check")}: {Of("message")}\nhint: {Of("hint")}\n");
        }

        Assert.That(lines, Is.Unique, text);
        Assert.That(found.Distinct(), Is.EquivalentTo(findings), text);
        Assert.That((code, jsonCode), Is.EqualTo((exit, exit)), text);
        foreach (var two in lines) Assert.That(text, Does.Contain(two), "--json says what is said to people");
        return new Report(text, lines);
    }

    private sealed record Report(string Text, List<string> Findings)
    {
        /// <summary>One finding has all of this.</summary>
        public void Says(params string[] parts) =>
            Assert.That(Findings, Has.Some.Matches<string>(two => parts.All(part => two!.Contains(part, StringComparison.Ordinal))), Text);
    }
}
