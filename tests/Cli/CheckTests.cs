using System.Text.Json;
using EstProv.LocalApi;
using EstProv.LocalApi.Tests.Support;
using EstProv.Platform;

namespace EstProv.Cli.Tests;

/// <summary>A device broken in many ways, one at a time, and what <c>estprov check</c> says to each.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class CheckTests : IDisposable
{
    private readonly FakeDevice _device = BrokenDevice.Whole();

    public void Dispose() => _device.Dispose();

    [Test]
    public void All_is_well()
    {
        _device.Started();
        Check("good");
    }

    [Test]
    public void A_word_in_the_configuration_that_nobody_knows()
    {
        _device.Started();
        BrokenDevice.Write(_device, "certd.toml", "homedir_pth = \"/var/lib/estprov/certd\"");
        Check("config");
    }

    [Test]
    public void Users_that_are_not_there()
    {
        _device.Started();
        _device.Machine.Users.Remove("estprov-certd");
        _device.Machine.IsGroupThere = false;
        BrokenDevice.Write(_device, "keyd.toml",
            $"homedir_path = \"{_device.Folder}/keyd\"\n[[principal]]\nuid = 4711\nkeys = [\"device-id\"]");
        Check("users");
    }

    [Test]
    public void Users_who_have_rights_and_cannot_reach_the_sockets()
    {
        _device.Started();
        _device.Machine.Users.Add("agent", 1100);
        _device.Machine.Users.Add("firmware", 1200);
        _device.Machine.Members.Add(1200);
        BrokenDevice.Write(_device, "keyd.toml", $"homedir_path = \"{_device.Folder}/keyd\"\n"
            + string.Concat(new[] { 0, 1100, 1200 }.Select(static uid => $"[[principal]]\nuid = {uid}\nkeys = [\"device-id\"]\n")));
        Check("group");
    }

    [Test]
    public void A_daemon_that_does_not_run_and_one_of_another_release()
    {
        _device.StartKeyd();
        _device.Version = "1.2.2";
        _device.StartIdentityd();
        Check("daemons");
    }

    [Test]
    [Description("parsec#611, #730; iis#120: one text for a wrong slot, a missing slot, no permission, a wrong PIN")]
    public void A_token_that_refuses_the_pin()
    {
        _device.Started();
        _device.Refusals["GET /token"] = new ProblemException("pin_incorrect", "token 'edge' in slot 0 refuses the PIN",
            "correct pin-source of base_slot in keyd.toml; it is not tried again until then", 503);
        Check("token");
    }

    [Test]
    [Description("PelionIoT/meta-mbl#718: a factory certificate of 90 days expired, and the device was lost")]
    public void An_est_identity_and_a_bootstrap_certificate_that_have_expired()
    {
        _device.Started();
        _device.Bootstraps = _device.Bootstraps.Replace("2036-01-01", "2026-01-01", StringComparison.Ordinal).Replace("\"valid\"", "\"expired\"", StringComparison.Ordinal);
        BrokenDevice.Credentials(_device, "2026-02-27T00:00:00Z",
            ",\"problem\":{\"message\":\"https://est.example/.well-known/est refused the connection\",\"hint\":\"check the network\",\"code\":\"est_unreachable\"}");
        Check("expired");
    }

    [Test]
    public void A_first_certificate_that_is_not_proved_yet_is_no_error()
    {
        _device.Started();
        _device.Certificates.Remove("device-id");
        _device.Credentials = _device.Credentials.Replace("\"device-id\",\"state\":\"current\"", "\"device-id\",\"state\":\"staged\"", StringComparison.Ordinal);
        Check("staged");
    }

    [Test]
    public void A_bootstrap_certificate_is_judged_by_what_certd_would_show()
    {
        _device.Started();
        // An import under its id is what GET tells, and is good.
        _device.Bootstraps = """
            {"bootstraps":[
             {"identity":"est-id","id":"bootstrap","keyId":"bootstrap","subject":"CN=dev-1","notAfter":"2036-01-01T00:00:00Z","validity":"valid",
              "problem":{"message":"the Key Service has no key 'bootstrap' that belongs to the bootstrap certificate 'bootstrap'","hint":"see [preloaded_keys]","code":"key_mismatch"}},
             {"identity":"cloud-id","id":"birth","keyId":"birth","problem":{"message":"cannot read /var/secrets/birth.cer","hint":"check its path","code":"preloaded_missing"}},
             {"identity":"other-id","id":"early","keyId":"early","subject":"CN=dev-1","notAfter":"2036-01-01T00:00:00Z","validity":"not_yet"},
             {"identity":"third-id"}]}
            """;
        Check("bootstraps");
    }

    [Test]
    public void A_second_certificate_of_a_ca_is_no_broken_chain()
    {
        _device.Started();
        // The CA's own, and the one that its successor has made of it.
        var crossed = _device.Certificates["est-id"] + BrokenDevice.Cross(_device);
        _device.Certificates["est-id"] = crossed;
        Check("good");
    }

    [Test]
    [Description("te#4355: a new key under the same URI")]
    public void Another_token_than_the_one_that_the_certificates_are_for()
    {
        _device.Started();
        _device.PublicKeys["est-id"] = _device.PublicKeys["bootstrap"];
        _device.PublicKeys.Remove("device-id");
        Check("keys");
    }

    [Test]
    public void A_ca_that_ends_before_its_certificates_and_a_chain_that_is_none()
    {
        _device.Started();
        BrokenDevice.Issue(_device, leavesEnd: "2026-05-30", caEnds: "2026-04-01");
        var other = _device.Certificates["trust-bundle"];
        _device.Certificates["est-id"] = _device.Certificates["bootstrap"] + _device.Certificates["device-id"];
        _device.Certificates["trust-bundle"] = other;
        Check("chain");
    }

    [Test]
    [Description("ie#1815: no clock at boot")]
    public void A_clock_in_the_past()
    {
        _device.ClockBelieved = 0;
        _device.Started();
        Check("clock");
    }

    [Test]
    [Description("wazuh#39067: root rollover")]
    public void A_trust_bundle_in_which_nothing_is_valid()
    {
        _device.Started();
        var good = new Dictionary<string, string>(_device.Certificates);
        var keys = new Dictionary<string, byte[]>(_device.PublicKeys);
        BrokenDevice.Issue(_device, leavesEnd: "2026-02-01", caEnds: "2026-02-01", bootstrapEnds: "2026-02-01", rootEnds: "2026-02-01");
        var old = _device.Certificates["trust-bundle"];
        foreach (var (id, pem) in good) _device.Certificates[id] = pem;
        foreach (var (id, key) in keys) _device.PublicKeys[id] = key;
        _device.Certificates["trust-bundle"] = old;
        Check("trust");
    }

    [Test]
    [Description("ie#6960, ie#7063: nobody can tell which URL and which credential; iis#483: the cause of a TLS alert is hidden")]
    public void An_est_server_by_another_ca_and_no_identity_to_show()
    {
        _device.Started();
        _device.Refusals["POST try est-id"] = new ProblemException("est_tls_untrusted",
            "https://est.example/.well-known/est: the server's certificate 'CN=est.example' (issuer CN=New CA) is under no CA that is trusted", "put CN=New CA into the trust bundle", 503);
        BrokenDevice.Plan(_device, "device-id", "",
            ",\"problem\":{\"message\":\"there is neither an EST identity 'est-id' nor a bootstrap identity\",\"hint\":\"preload it\",\"code\":\"est_no_identity\"}");
        Check("est");
    }

    [Test]
    public void Servers_that_want_a_client_certificate_before_they_are_verified_may_be_anybody()
    {
        _device.Started();
        _device.Tried = """{"url":"https://est.example/.well-known/est","verified":false,"wantsCredential":true}""";
        _device.Cloud = """{"servers":[{"url":"https://dps.example/","verified":false,"wantsCredential":true}]}""";
        Check("unverified");
    }

    [Test]
    public void Servers_that_are_verified_and_want_to_know_who_asks_are_well()
    {
        _device.Started();
        _device.Tried = """{"url":"https://est.example/.well-known/est","verified":true,"wantsCredential":true}""";
        _device.Cloud = """{"servers":[{"url":"https://dps.example/","verified":true,"wantsCredential":true}]}""";
        Check("wants-credential");
    }

    [Test]
    public void A_url_at_which_there_is_no_est_server()
    {
        _device.Started();
        _device.Refusals["POST try est-id"] = new ProblemException("est_not_found",
            "no EST server answers at https://est.example/.well-known/est: GET https://est.example/.well-known/est/cacerts "
            + "with credential 'none': the EST server has nothing at this URL (HTTP 404)",
            "is its label right? every EST server has its CA certificates under cacerts, for everybody (RFC 7030 section 4.1)", 502);
        Check("label");
    }

    [Test]
    public void An_est_server_that_is_not_well_now()
    {
        _device.Started();
        _device.Tried = """
            {"url":"https://est.example/.well-known/est","verified":true,"problem":{"code":"est_server_error",
             "message":"GET https://est.example/.well-known/est/cacerts with credential 'none': the EST server failed (HTTP 500)",
             "hint":"look into the server's log; it is tried again by itself"}}
            """;
        Check("unwell");
    }

    [Test]
    public void A_registration_that_is_refused_and_a_hub_without_an_address()
    {
        _device.Started();
        _device.Status = """
            {"state":"waiting_to_retry","source":"dps","endpoint":"https://dps.example/","scope":"0ne0001","certificate":"device-id","waitingFor":"the next attempt in 60 s",
             "problem":{"message":"https://dps.example/ did not accept certificate device-id (401)","hint":"enrol its issuer in DPS","code":"dps_unauthorized"}}
            """;
        _device.Cloud = """{"servers":[{"url":"https://dps.example/"},{"url":"https://hub.example/","problem":{"message":"https://hub.example/: there is no such host","hint":"check the name","code":"cloud_dns"}}]}""";
        Check("cloud");
    }

    [Test]
    public void State_of_another_user_a_full_disk_and_sockets_for_anybody()
    {
        _device.Started();
        var folder = Path.GetFileName(_device.Folder);
        _device.Machine.Owners["keyd"] = new FileOwner(0, 0x1C0);
        _device.Machine.Owners["certd"] = new FileOwner(1002, 0x1ED);
        _device.Machine.Owners[folder] = new FileOwner(0, 0x1FF);
        _device.Machine.Free = 300 * 1024;
        Check("state");
    }

    [Test]
    public void Folders_that_are_missing_and_little_room()
    {
        _device.Started();
        _device.Machine.Owners[Path.GetFileName(_device.Folder)] = new FileOwner(0, -1);
        _device.Machine.Owners["certd"] = new FileOwner(0, -1);
        _device.Machine.Free = 9 << 20;
        Check("missing");
    }

    [Test]
    public void Certificates_that_are_not_there_yet_or_cannot_be_had()
    {
        _device.Started();
        _device.Credentials = """
            {"credentials":[
              {"id":"device-id","state":"pending","keyId":"device-id"},
              {"id":"est-id","state":"pending","keyId":"est-id","problem":{"message":"https://est.example/.well-known/est refused the connection","hint":"check the network","code":"est_unreachable"}}]}
            """;
        Check("pending");
    }

    [Test]
    public void Certificates_that_are_not_renewed_and_one_that_has_expired_while_nobody_looked()
    {
        _device.Started();
        BrokenDevice.Credentials(_device, "2026-03-20T00:00:00Z",
            ",\"problem\":{\"message\":\"https://est.example/.well-known/est refused the connection\",\"hint\":\"check the network\",\"code\":\"est_unreachable\"}");
        _device.Credentials = _device.Credentials.Replace("2026-05-30", "2026-02-28", StringComparison.Ordinal);
        Check("not-renewed");
    }

    [Test]
    [Description("PelionIoT/meta-mbl#718: nobody was told before the end")]
    public void What_will_end_is_told_before_it_does()
    {
        _device.Started();
        _device.Bootstraps = _device.Bootstraps.Replace("2036-01-01", "2026-03-20", StringComparison.Ordinal);
        BrokenDevice.Credentials(_device, more: ",\"nextRenewal\":\"2026-03-01T10:00:00Z\"");
        _device.Credentials = _device.Credentials.Replace("\"device-id\",\"state\":\"current\"", "\"device-id\",\"state\":\"imported\"", StringComparison.Ordinal)
            .Replace("2026-05-30", "2026-03-21", StringComparison.Ordinal);
        Check("ends-soon");
    }

    [TestCase("preloaded")]
    [TestCase("imported")]
    [TestCase("issued")]
    [Description("What nobody renews is not said to be renewed by itself")]
    public void What_has_expired_is_told_with_where_the_next_one_comes_from(string state)
    {
        _device.Started();
        _device.Credentials = _device.Credentials.Replace("2026-05-30", "2026-02-28", StringComparison.Ordinal)
            .Replace("\"state\":\"current\"", $"\"state\":\"{state}\"", StringComparison.Ordinal);
        Check("expired-" + state);
    }

    [Test]
    public void What_certd_has_as_a_certificate_cannot_be_read()
    {
        _device.Started();
        _device.Certificates["device-id"] = "nothing";
        _device.Certificates["est-id"] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        Check("unreadable");
    }

    [Test]
    public void A_ca_that_has_expired_and_an_anchor_that_soon_will()
    {
        _device.Started();
        BrokenDevice.Issue(_device, caEnds: "2026-02-01", rootEnds: "2026-03-15");
        Check("ca-expired");
    }

    [Test]
    public void Drop_ins_that_are_not_for_everybodys_eyes()
    {
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(_device.Folder, "keyd.d")).FullName, "10-secret.toml");
        File.WriteAllText(file, "");
        File.SetUnixFileMode(file, UnixFileMode.None);
        _device.Machine.Caller = 1000;
        // Root may read all; another user has to be let to everything else. 0777
        foreach (var open in Directory.GetFiles(_device.Folder)) File.SetUnixFileMode(open, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(_device.Folder, (UnixFileMode)0x1FF);
        string[] arguments = ["check", "--dir", _device.Folder];
        var code = 0;
        string Run() => Transcript.Run(_device, arguments, out code);
        Transcript.Compare("check-drop-in", arguments, Users.Self == 0 ? AsUid.Run(65534, Run) : Run(), code, _device.Folder, "/run/estprov");
    }

    [Test]
    public void A_provider_that_is_missing()
    {
        _device.Started();
        _device.Machine.ProviderProblem = new ProblemException("provider_missing",
            "OpenSSL's provider for keys of the Key Service is missing: /usr/lib/ossl-modules/estprov.so", "install it");
        Check("provider");
    }

    [Test]
    public void Somebody_who_may_not_see_all_is_told_so_and_nothing_is_called_wrong()
    {
        _device.Started();
        _device.Machine.Caller = 1000;
        _device.Machine.Owners["keyd"] = new FileOwner(0, -1);
        _device.Refusals["GET /publickey"] = new ProblemException("forbidden", "user 1000 is not authorized to access the key device-id",
            "add a [[principal]]", 401);
        _device.Refusals["POST try est-id"] = new ProblemException("forbidden",
            "user 1000 is not authorized to access the certificate est-id", "add a [[principal]]", 401);
        _device.Refusals["POST cloud"] = new ProblemException("forbidden", "user 1000 is not authorized to have DPS and the hub asked",
            "add a [[principal]]", 401);
        Check("user");
    }

    [Test]
    public void Without_a_network_no_server_is_asked()
    {
        _device.Started();
        _device.Refusals["POST try est-id"] = new ProblemException("est_unreachable", "never asked", "", 503);
        _device.Refusals["POST cloud"] = _device.Refusals["POST try est-id"];
        Assert.That(Transcript.Run(_device, ["check", "--offline", "--dir", _device.Folder], out var code),
            Does.Not.Contain("never asked"));
        Assert.That(code, Is.Zero);
    }

    [Test]
    public void For_programs()
    {
        _device.Started();
        _device.Machine.Free = 300 * 1024;
        var text = Transcript.Run(_device, ["check", "--json", "--dir", _device.Folder], out var code);
        using var json = JsonDocument.Parse(text);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(json.RootElement.GetProperty("result").GetString(), Is.EqualTo("error"));
        Assert.That(json.RootElement.GetProperty("errors").GetInt32(), Is.EqualTo(3));
        var findings = json.RootElement.GetProperty("findings").EnumerateArray().ToList();
        Assert.That(findings, Has.Count.EqualTo(json.RootElement.GetProperty("passed").GetInt32()
            + json.RootElement.GetProperty("warnings").GetInt32() + 3));
        var full = findings.First(static finding => finding.GetProperty("code").GetString() == "disk_full");
        Assert.That((full.GetProperty("check").GetString(), full.GetProperty("result").GetString()), Is.EqualTo(("state", "error")));
        Assert.That(full.GetProperty("hint").GetString(), Is.Not.Empty);
    }

    [Test]
    public void A_plan_is_told_step_by_step()
    {
        _device.Started();
        Transcript.Check("explain-too-much", _device, "check", "--explain-issuance", "device-id", "--offline");
        Transcript.Check("explain", _device, "check", "--explain-issuance", "device-id");
        BrokenDevice.Plan(_device, "device-id", "",
            ",\"problem\":{\"message\":\"there is neither an EST identity 'est-id' nor a bootstrap identity\",\"hint\":\"preload it\",\"code\":\"est_no_identity\"}");
        Transcript.Check("explain-problem", _device, "check", "--explain-issuance", "device-id");
        using var json = JsonDocument.Parse(Transcript.Run(_device, ["check", "--explain-issuance", "device-id", "--json"], out var code));
        Assert.That(code, Is.EqualTo(1));
        Assert.That(json.RootElement.GetProperty("steps")[2].GetProperty("step").GetString(), Is.EqualTo("url"));
    }

    private void Check(string name) => Transcript.Check("check-" + name, _device, "check", "--dir", _device.Folder);
}
