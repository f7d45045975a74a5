using System.Text.Json;
using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.LocalApi;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Api;

public sealed class DaemonTests
{
    [Test]
    public async Task The_device_gets_its_certificates_with_keys_that_never_leave_the_token()
    {
        await using var certd = await CertdUnderTest.StartAsync();

        var answer = await EnsureAsync(certd);
        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => $"{answer.Problem}");
        var leaf = PemText.Parse(answer.ChainPem!)[0];
        var spki = Base64(CertificateFacts.SpkiOf(leaf));
        await certd.Client.ConfirmAsync("device-id", spki, CancellationToken.None);

        Assert.That((await certd.Client.GetAsync("device-id", CancellationToken.None))[0].RawData, Is.EqualTo(leaf.RawData));
        Assert.That(certd.Keyd.Client.FindKeyPair("device-id")!.SubjectPublicKeyInfo, Is.EqualTo(leaf.PublicKey.ExportSubjectPublicKeyInfo()));
        Assert.That((await EnsureAsync(certd)).State, Is.EqualTo(CredentialState.Current));
        Assert.That((await certd.Client.GetAsync("trust-bundle", CancellationToken.None)), Has.Count.EqualTo(1));

        using var list = JsonDocument.Parse(certd.Send("GET", "/credentials").Body);
        var entries = list.RootElement.GetProperty("credentials").EnumerateArray().ToDictionary(entry => entry.GetProperty("id").GetString()!);
        Assert.That(entries["est-id"].GetProperty("state").GetString(), Is.EqualTo("current"));
        Assert.That(entries["device-id"].GetProperty("credential").GetString(), Is.EqualTo("est-id"));
        Assert.That(entries["device-id"].GetProperty("subject").GetString(), Is.EqualTo("CN=device-1"));
        Assert.That(entries["device-id"].GetProperty("nextRenewal").GetString(), Is.Not.Null);

        using var changes = JsonDocument.Parse(certd.Send("GET", "/changes?after=0").Body);
        var kinds = changes.RootElement.GetProperty("changes").EnumerateArray().Select(change => $"{change.GetProperty("kind").GetString()} {change.GetProperty("subject").GetString()}").ToList();
        Assert.That(kinds, Is.SupersetOf(new[] { "bootstrap bootstrap", "issued est-id", "proved est-id", "committed est-id", "issued device-id", "staged device-id", "committed device-id" }));
    }

    [Test]
    public async Task A_restarted_service_goes_on_with_what_it_has_and_keyd_may_come_later()
    {
        await using var certd = await CertdUnderTest.StartAsync();
        var leaf = PemText.Parse((await EnsureAsync(certd)).ChainPem!)[0];
        certd.Stop();
        certd.Keyd.Stop();

        certd.Start();
        Assert.That((await certd.Client.GetAsync("est-id", CancellationToken.None))[0].Subject, Is.EqualTo("CN=device-1"), "certificates are served without keyd");
        certd.Keyd.Start();
        var answer = await EnsureAsync(certd);
        while (answer.State == CredentialState.Pending) answer = await EnsureAsync(certd);

        Assert.That(PemText.Parse(answer.ChainPem!)[0].RawData, Is.EqualTo(leaf.RawData), "what was staged is staged still");
        await certd.Client.ConfirmAsync("device-id", Base64(CertificateFacts.SpkiOf(leaf)), CancellationToken.None);
    }

    [TestCase("device-id")]
    [TestCase("est-id")]
    public async Task A_key_that_goes_from_the_token_while_all_run_is_noticed_and_made_good(string id)
    {
        await using var certd = await CertdUnderTest.StartAsync($"[[principal]]\nuid = {Users.Self}\ncerts = [\"module-*\"]\n");
        var leaf = PemText.Parse((await EnsureAsync(certd)).ChainPem!)[0];
        await certd.Client.ConfirmAsync("device-id", Base64(CertificateFacts.SpkiOf(leaf)), CancellationToken.None);
        certd.LoseKey(id);

        if (id == "device-id")
        {
            Assert.That((await EnsureAsync(certd)).State, Is.EqualTo(CredentialState.Staged));
            return;
        }

        // The next connection to the EST server needs the key.
        certd.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est, Count = 2 });
        var before = (await certd.Client.GetAsync("est-id", CancellationToken.None))[0];
        Assert.That(() => Issues(certd), Is.True.After(20_000, 200));
        Assert.That((await certd.Client.GetAsync("est-id", CancellationToken.None))[0].RawData, Is.Not.EqualTo(before.RawData));
    }

    private static bool Issues(CertdUnderTest certd)
    {
        try
        {
            certd.Send("POST", "/certificates", JsonSerializer.Serialize(
                new Dictionary<string, string> { ["certId"] = "module-server", ["csr"] = Csr.Make("CN=edgehub").Pem }, JsonSerializerOptions.Default));
            return true;
        }
        catch (ProblemException)
        {
            return false;
        }
    }

    [Test]
    public async Task A_server_certificate_comes_on_a_callers_request()
    {
        await using var certd = await CertdUnderTest.StartAsync($"[[principal]]\nuid = {Users.Self}\ncerts = [\"module-*\"]\n");
        var (csr, key) = Csr.Make("CN=edgehub");

        var first = Pem(certd.Send("POST", "/certificates", Body(csr)));
        var again = Pem(certd.Send("POST", "/certificates", Body(Csr.Make("CN=edgehub", key: key).Pem)));
        var other = Pem(certd.Send("POST", "/certificates", Body(Csr.Make("CN=edgehub").Pem)));

        Assert.That(PemText.Parse(first)[0].PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(key.ExportSubjectPublicKeyInfo()));
        Assert.That(again, Is.EqualTo(first), "it is kept as long as it is valid: certificates cost money");
        Assert.That(other, Is.Not.EqualTo(first), "another key needs another certificate");
        Assert.That(Pem(certd.Send("GET", "/certificates/module-server")), Is.EqualTo(other));

        static string Body(string pem) => JsonSerializer.Serialize(new Dictionary<string, string> { ["certId"] = "module-server", ["csr"] = pem }, JsonSerializerOptions.Default);
    }

    [Test]
    public async Task Certificates_are_imported_read_and_deleted_and_an_operators_file_stays()
    {
        await using var certd = await CertdUnderTest.StartAsync();
        var pem = await File.ReadAllTextAsync(certd["bootstrap.cer"]);
        var body = JsonSerializer.Serialize(new Dictionary<string, string> { ["pem"] = pem }, JsonSerializerOptions.Default);

        Assert.That(certd.Send("PUT", "/certificates/mine", body).Status, Is.EqualTo(201));
        Assert.That(Pem(certd.Send("GET", "/certificates/mine")), Is.EqualTo(pem));
        Assert.That(certd.Send("DELETE", "/certificates/mine").Status, Is.EqualTo(204));
        Assert.That(certd.Send("DELETE", "/certificates/mine").Status, Is.EqualTo(204), "also when absent");
        var absent = certd.Refused("GET", "/certificates/mine");
        Assert.That(absent.Status, Is.EqualTo(400));
        Message.Shown("certificate_not_found", absent);

        Assert.That(certd.Send("DELETE", "/certificates/bootstrap").Status, Is.EqualTo(204));
        Assert.That(File.Exists(certd["bootstrap.cer"]), Is.True);
        Assert.That(Pem(certd.Send("GET", "/certificates/bootstrap")), Is.EqualTo(pem));

        Message.Shown("bad_certificate", certd.Refused("PUT", "/certificates/mine", """{"pem":"this is none"}"""));
        Message.Shown("certificate_managed-bundle", certd.Refused("PUT", "/certificates/trust-bundle", body));
        Assert.That(certd.Refused("POST", "/certificates", """{"certId":"module-server"}""").Status, Is.EqualTo(422));
        Message.Shown("bad_csr", certd.Refused("POST", "/certificates", """{"certId":"module-server","csr":"x"}"""));
        var csr = Csr.Make("CN=x").Pem.ReplaceLineEndings("\\n");
        Message.Shown("not_configured-csr", certd.Refused("POST", "/certificates", $$"""{"certId":"nobody-knows","csr":"{{csr}}"}"""));
        Message.Shown("certificate_managed-csr", certd.Refused("POST", "/certificates", $$"""{"certId":"device-id","csr":"{{csr}}"}"""));
    }

    [TestCase("mine")]
    [TestCase("bootstrap")]
    [TestCase("module-server")]
    [TestCase("device-id")]
    public async Task Whatever_is_no_certificate_is_not_imported_under_any_id(string id)
    {
        await using var certd = await CertdUnderTest.StartAsync();
        string[] bad = ["", "text", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", Csr.Make("CN=a").Pem];
        foreach (var pem in bad)
        {
            var refusal = certd.Refused("PUT", $"/certificates/{id}", JsonSerializer.Serialize(new Dictionary<string, string> { ["pem"] = pem }, JsonSerializerOptions.Default));
            Assert.That(refusal, Has.Property("Code").EqualTo("bad_certificate").And.Property("Status").EqualTo(400), pem);
        }
    }

    [Test]
    public async Task A_certificate_for_another_key_than_keyds_of_that_id_is_not_imported()
    {
        await using var certd = await CertdUnderTest.StartAsync();
        var pem = await File.ReadAllTextAsync(certd.Simulator.Pki.CertificatePath(certd.Simulator.Pki.EstServer));
        var body = JsonSerializer.Serialize(new Dictionary<string, string> { ["pem"] = pem }, JsonSerializerOptions.Default);
        certd.Keyd.Client.CreateKeyPair("agent", "ec-p256");

        var other = certd.Refused("PUT", "/certificates/agent", body);
        Assert.That(other.Status, Is.EqualTo(400));
        Message.Shown("key_mismatch-import", other);
        Assert.That(certd.Refused("PUT", "/certificates/bootstrap", body).Code, Is.EqualTo("key_mismatch"), "the operator's");
        Message.Shown("key_mismatch-import-credential", certd.Refused("PUT", "/certificates/est-id", body));
        Assert.That(certd.Send("PUT", "/certificates/root", body).Status, Is.EqualTo(201), "of what has no key here none can be wrong");
    }

    [Test]
    public async Task A_delete_leaves_every_file_of_the_operators_as_it_is()
    {
        await using var certd = await CertdUnderTest.StartAsync();
        await EnsureAsync(certd);
        string[] files = [certd["bootstrap.cer"], certd.Simulator.Pki.CertificatePath(certd.Simulator.Pki.EstServer)];
        var before = files.Select(File.ReadAllText).ToArray();
        var pem = await File.ReadAllTextAsync(files[1]);
        var body = JsonSerializer.Serialize(new Dictionary<string, string> { ["pem"] = pem }, JsonSerializerOptions.Default);

        certd.Send("PUT", "/certificates/est-ca", body);
        foreach (var id in new[] { "bootstrap", "est-ca", "trust-bundle", "est-id", "..%2F..%2Fbootstrap.cer" }) Assert.That(certd.Send("DELETE", $"/certificates/{id}").Status, Is.EqualTo(204), id);

        Assert.That(files.Select(File.ReadAllText), Is.EqualTo(before));
        Assert.That(Pem(certd.Send("GET", "/certificates/est-ca")), Is.EqualTo(before[1]));
        Assert.That((await certd.Client.GetAsync("trust-bundle", CancellationToken.None)), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_callers_request_is_held_against_his_policy_which_is_read_again()
    {
        var mine = $"[[principal]]\nuid = {Users.Self}\ncerts = [\"module-*\"]\n";
        await using var certd = await CertdUnderTest.StartAsync(mine + "[principal.csr]\nsubject = [\"CN=edge-*\"]\n");
        string Body(string subject) => JsonSerializer.Serialize(new Dictionary<string, string> { ["certId"] = "module-server", ["csr"] = Csr.Make(subject).Pem }, JsonSerializerOptions.Default);

        var refusal = certd.Refused("POST", "/certificates", Body("CN=hub"));
        Assert.That(refusal.Status, Is.EqualTo(400));
        Message.Shown("csr_not_allowed", refusal, (certd["certd.toml"], "/etc/estprov/certd.toml"));
        Assert.That(certd.Send("POST", "/certificates", Body("CN=edge-1")).Status, Is.EqualTo(201));

        certd.Configure(mine);
        Assert.That(() => IsIssued(certd, Body("CN=hub")), Is.True.After(20_000, 200), "without a restart");
    }

    private static bool IsIssued(CertdUnderTest certd, string body)
    {
        try
        {
            return certd.Send("POST", "/certificates", body).Status == 201;
        }
        catch (ProblemException)
        {
            return false;
        }
    }

    [Test]
    public async Task An_issuer_may_be_named_by_those_only_who_are_listed_for_it()
    {
        await using var certd = await CertdUnderTest.StartAsync();
        var body = JsonSerializer.Serialize(
            new Dictionary<string, object> { ["certId"] = "any", ["csr"] = Csr.Make("CN=x").Pem, ["issuer"] = new Dictionary<string, string> { ["certId"] = "device-ca", ["privateKeyHandle"] = "x" } },
            JsonSerializerOptions.Default);
        var refused = certd.Refused("POST", "/certificates", body);
        Assert.That(refused.Status, Is.EqualTo(401));
        Message.Shown("forbidden-issuer", refused, ($"user {Users.Self} ", "user 1001 "), ($"uid = {Users.Self} ", "uid = 1001 "));
    }

    [Test]
    public async Task What_is_asked_of_credentials_must_be_of_this_device()
    {
        await using var certd = await CertdUnderTest.StartAsync($"[[principal]]\nuid = {Users.Self}\ncerts = [\"*\"]\n");
        await EnsureAsync(certd);
        Message.Shown("key_id", certd.Refused("POST", "/credentials/device-id/ensure", """{"keyId":"device-key"}"""));
        Message.Shown("not_configured", certd.Refused("POST", "/credentials/device-1d/ensure", """{"keyId":"device-1d"}"""));
        Message.Shown("bad_common_name",
            certd.Refused("POST", "/credentials/device-id/ensure", $$"""{"keyId":"device-id","commonName":"{{new string('x', 65)}}"}"""));
        Message.Shown("bad_request", certd.Refused("POST", "/credentials/device-id/confirm", """{"spki":"AAAA"}"""));
        Message.Shown("not_staged", certd.Refused("POST", "/credentials/device-id/confirm", $$"""{"spki":"{{new string('A', 43)}}"}"""));
    }

    [Test]
    public async Task Where_no_est_server_is_known_there_is_none_to_try()
    {
        await using var certd = await CertdUnderTest.StartAsync();
        certd.Stop();
        var everything = $"[[principal]]\nuid = {Users.Self}\ncerts = [\"*\"]\n";
        await File.WriteAllTextAsync(certd["certd.toml"], $"""
            "homedir_path" = "{certd["home"]}"
            [cert_issuance]
            device-ca = "self_signed"
            device-id = "device-ca"
            {everything}
            """);
        certd.Start();
        Message.Shown("est_not_configured", certd.Refused("POST", "/credentials/device-id/try", "{}"));

        certd.Stop();
        await File.WriteAllTextAsync(certd["certd.toml"], $"""
            "homedir_path" = "{certd["home"]}"
            [cert_issuance]
            device-id = "est"
            [cert_issuance.est]
            method = "x509"
            identity_cert = "est-id"
            identity_pk = "est-id"
            bootstrap_identity_cert = "bootstrap"
            bootstrap_identity_pk = "bootstrap"
            [cert_issuance.est.urls]
            est-id = "https://localhost:{certd.Simulator.Ports.Est}/.well-known/est/est-id"
            device-id = "https://localhost:{certd.Simulator.Ports.Est}/.well-known/est/device-id"
            [preloaded_certs]
            bootstrap = "file://{certd["bootstrap.cer"]}"
            est-ca = "file://{certd.Simulator.Pki.CertificatePath(certd.Simulator.Pki.EstServer)}"
            trust-bundle = ["est-ca"]
            {everything}
            """);
        certd.Start();
        Message.Shown("est_no_url",
            certd.Refused("POST", "/credentials/module-server/try", "{}"), (certd["certd.toml"], "/etc/estprov/certd.toml"));
    }

    [Test]
    public async Task Check_names_every_file_that_cannot_be_used()
    {
        await using var certd = await CertdUnderTest.StartAsync();
        File.Delete(certd["bootstrap.cer"]);

        Assert.That(certd.Check(out var output), Is.EqualTo(1));
        Assert.That(output, Does.Contain("no such file").And.Contain("certd.toml:"));
    }

    private static Task<CredentialAnswer> EnsureAsync(CertdUnderTest certd) =>
        certd.Client.EnsureAsync("device-id", "device-id", null, TimeSpan.FromSeconds(15), CancellationToken.None);

    private static string Pem(EstProv.LocalApi.Client.LocalReply reply)
    {
        using var document = JsonDocument.Parse(reply.Body);
        return document.RootElement.GetProperty("pem").GetString()!;
    }

    private static byte[] Base64(string text) => System.Buffers.Text.Base64Url.DecodeFromChars(text);
}
