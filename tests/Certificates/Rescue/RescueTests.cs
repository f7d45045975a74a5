using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Platform.Time;
using EstProv.Simulator;
using EstProv.Simulator.Est;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Rescue;

/// <summary>When all else has expired: what an operator brings gets the device another EST identity, once, and every use and refusal is told.</summary>
public sealed class RescueTests
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(20);

    private static EstOptions WithUser => new() { BasicUsers = new Dictionary<string, string> { ["once"] = "pass word" } };

    [Test]
    public async Task A_one_time_credential_gets_a_new_identity_to_a_device_whose_identities_have_all_expired()
    {
        await using var device = await LostAsync(WithUser);

        var answer = Bring(device, "once", "pass word");

        Assert.That(answer.State, Is.EqualTo("current"), () => answer.Problem + "\n" + device.Events);
        var identity = device.Current("est-id")!;
        Assert.That(identity.Credential, Is.EqualTo("one-time"));
        Assert.That(identity.NotAfter, Is.GreaterThan(device.Time.GetUtcNow()));
        Assert.That(identity.Subject, Is.EqualTo("CN=device-1"));
        Assert.That(device.Parts.Rescue!.OneTime, Is.Null, "it is forgotten");
        Assert.That(Directory.EnumerateFiles(device.Configuration.HomedirPath, "*", SearchOption.AllDirectories).Select(File.ReadAllText), Has.None.Contains("pass word"));
        Assert.That(device.Events.Count("rescue", "est-id"), Is.EqualTo(1));
        Assert.That(device.Events.Count("rescue-ended", "est-id"), Is.EqualTo(1));
        device.Events.Await("committed", "device-id", 2);
        Assert.That(device.Asked.Count(asked => asked == "simpleenroll/est-id 200"), Is.EqualTo(2), "used for one enrolment; the rest goes by the new identity");
    }

    [Test]
    public async Task A_one_time_credential_that_is_refused_is_given_up_after_three_tries()
    {
        await using var device = await LostAsync(WithUser);

        var answer = Bring(device, "once", "wrong");
        Assert.That(answer.State, Is.EqualTo("pending"));
        Assert.That(answer.Problem!.Code, Is.EqualTo("est_unauthorized"));
        for (var i = 0; i < 20 && device.Parts.Rescue!.OneTime is not null; i++) device.Advance(TimeSpan.FromMinutes(1));

        Assert.That(device.Events.Await("rescue-ended", "est-id").Fields["reason"], Does.Contain("refused"));
        var asked = device.Asked.Count;
        Assert.That(device.Engine.Table.Find("est-id")!.Rescue, Is.Null);
        Assert.That(Bring(device, "once", "pass word").State, Is.EqualTo("current"), "the right one does it still");
        Assert.That(asked, Is.LessThan(40));
    }

    [Test]
    public async Task A_one_time_credential_outlives_an_outage_of_an_hour_and_no_more_than_a_day()
    {
        await using var device = await LostAsync(WithUser);
        var fault = device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est });
        Bring(device, "once", "pass word");
        for (var i = 0; i < 12; i++) device.Advance(TimeSpan.FromMinutes(5));
        Assert.That(device.Parts.Rescue!.OneTime, Is.Not.Null, "a network that is away says nothing of it");
        device.Simulator.Faults.Remove(fault);
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Current("est-id")!.Credential, Is.EqualTo("one-time"));

        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est });
        Bring(device, "once", "pass word");
        for (var i = 0; i < 25; i++) device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Parts.Rescue!.OneTime, Is.Null);
        Assert.That(device.Engine.Table.Find("est-id")!.Rescue, Is.Null);
    }

    [Test]
    public async Task A_signed_file_lets_the_bootstrap_identity_in_once_although_it_is_for_the_first_issue_only()
    {
        await using var device = await LostAsync();
        using var signer = Install(device);

        var answer = Bring(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow())));

        Assert.That(answer.State, Is.EqualTo("current"), () => answer.Problem + "\n" + device.Events);
        var use = device.Events.All.Last(seen => seen.Kind == "bootstrap").Fields["reason"];
        Assert.That(use, Does.Contain("2027/1").And.Contain("CN=Rescuer"));
        Assert.That(device.Events.Await("rescue", "est-id").Fields["by"], Does.Contain("2027/1").And.Contain("CN=Rescuer").And.Contain("user 0"));
        device.Advance(TimeSpan.FromDays(91));
        for (var i = 0; i < 10; i++) device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(2), "and not again");
    }

    [Test]
    public async Task A_signed_file_with_a_one_time_credential_does_what_the_credential_does()
    {
        await using var device = await LostAsync(WithUser, bootstrap: false);
        using var signer = Install(device);
        var answer = Bring(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow(), "one-time", more: "User: once\nPassword: pass word")));
        Assert.That(answer.State, Is.EqualTo("current"), () => answer.Problem + "\n" + device.Events);
        Assert.That(Refused(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow(), "one-time", more: "User: once\nPassword: pass word"))), Is.EqualTo("rescue_used"));
    }

    [Test]
    public async Task A_signed_file_with_anchors_lets_an_est_server_under_a_new_ca_be_verified()
    {
        await using var device = await TestDevice.CreateAsync();
        var wrong = device.Simulator.Pki.CertificatePath(device.Simulator.Pki.CloudServer);
        device.Configuration = device.Configuration with
        {
            PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["est-ca"] = TestDevice.At(wrong) },
        };
        using var signer = Install(device);
        device.Start();
        Assert.That(device.Ensure("device-id").Problem!.Code, Is.EqualTo("est_tls_untrusted"));

        var text = RescueSigner.Text(device.Time.GetUtcNow(), "anchors", more: device.Simulator.Pki.EstServer.Certificate.ExportCertificatePem());
        Assert.That(Bring(device, signer.Sign(text)).State, Is.EqualTo("taken"));

        device.Events.Await("committed", "est-id");
        device.Restart();
        Assert.That(device.Issuer.Issue("module-server", Csr.Make("CN=x").Pem, null, CancellationToken.None), Is.Not.Empty, "they are kept");
        Assert.That(Refused(device, signer.Sign(text)), Is.EqualTo("rescue_used"));
    }

    [TestCase("another content", "rescue_signature")]
    [TestCase("another device", "rescue_wrong_device")]
    [TestCase("another key", "rescue_wrong_device")]
    [TestCase("another signer", "rescue_signer")]
    [TestCase("an EST identity as signer", "rescue_signer-est-identity")]
    [TestCase("a CA as signer", "rescue_signer-ca")]
    [TestCase("a weak digest", "rescue_signer-weak-digest")]
    [TestCase("too early", "rescue_not_yet")]
    [TestCase("too late", "rescue_expired")]
    [TestCase("an unknown line", "rescue_unreadable-line")]
    [TestCase("no device", "rescue_unreadable-no-device")]
    [TestCase("a password without a user", "rescue_unreadable-no-user")]
    [TestCase("no signature", "rescue_unreadable")]
    [TestCase("a clock that is not believed", "rescue_clock")]
    public async Task What_is_not_right_is_refused_by_a_name_of_its_own(string what, string name)
    {
        var code = name.Split('-')[0];
        await using var device = await LostAsync();
        using var signer = Install(device);
        var now = device.Time.GetUtcNow();
        using var strange = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var file = what switch
        {
            "another content" => Changed(signer.Sign(RescueSigner.Text(now))),
            "another device" => signer.Sign(RescueSigner.Text(now, device: "Device: device-2")),
            "another key" => signer.Sign(RescueSigner.Text(now, device: "Device-Key: " + new string('a', 64))),
            "another signer" => RescueSigner.Sign(RescueSigner.Text(now), RescueSigner.SelfSigned("CN=Rescuer", strange, now, ca: false)),
            "an EST identity as signer" => RescueSigner.Sign(RescueSigner.Text(now), device.Simulator.Pki.Identity.Certificate),
            "a CA as signer" => RescueSigner.Sign(RescueSigner.Text(now), RescueSigner.SelfSigned("CN=Rescue CA", strange, now, ca: true)),
            "a weak digest" => RescueSigner.Sign(RescueSigner.Text(now), signer.Certificate, "1.3.14.3.2.26"),
            "too early" => signer.Sign(RescueSigner.Text(now.AddHours(1))),
            "too late" => signer.Sign(RescueSigner.Text(now.AddDays(-8))),
            "an unknown line" => signer.Sign(RescueSigner.Text(now, more: "Colour: red")),
            "no device" => signer.Sign(RescueSigner.Text(now, device: "")),
            "a password without a user" => signer.Sign(RescueSigner.Text(now, "one-time", more: "Password: x")),
            "no signature" => Encoding.UTF8.GetBytes(RescueSigner.Text(now)),
            _ => signer.Sign(RescueSigner.Text(now)),
        };
        if (code == "rescue_clock") device.Time.SetClock(DateTimeOffset.UnixEpoch);
        var attempts = device.Asked.Count;

        var problem = Assert.Throws<ProblemException>(() => Bring(device, file))!;

        Message.Shown(name, problem, device.Names);
        Assert.That(device.Events.All.Last(seen => seen.Kind == "rescue-refused").Fields["code"], Is.EqualTo(code));
        Assert.That(device.Engine.Table.Find("est-id")!.Rescue, Is.Null);
        Assert.That(device.Asked, Has.Count.EqualTo(attempts), "nothing was asked for");
    }

    [Test]
    public async Task A_file_is_good_once_also_after_a_restart_and_may_be_brought_again_until_it_has_done_its_work()
    {
        await using var device = await LostAsync();
        using var signer = Install(device);
        var file = signer.Sign(RescueSigner.Text(device.Time.GetUtcNow()));
        var fault = device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est });
        Assert.That(Bring(device, file).State, Is.EqualTo("pending"));
        // The power fails before the server is back.
        device.Restart();
        device.Simulator.Faults.Remove(fault);
        Assert.That(Bring(device, file).State, Is.EqualTo("current"), "nothing has come of it yet");

        Message.Shown("rescue_used", Refusal(device, file));
        device.Restart();
        Assert.That(Refused(device, file), Is.EqualTo("rescue_used"));
    }

    [Test]
    public async Task A_file_that_the_server_refuses_is_used_up_after_three_times_over_restarts()
    {
        await using var device = await LostAsync();
        using var signer = Install(device);
        var file = signer.Sign(RescueSigner.Text(device.Time.GetUtcNow()));
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Route = "simpleenroll", Status = 403 });
        for (var i = 0; i < 3; i++)
        {
            Assert.That(Bring(device, file).State, Is.EqualTo("pending"));
            device.Restart();
        }

        Assert.That(Refused(device, file), Is.EqualTo("rescue_used"));
    }

    [Test]
    public async Task A_register_that_is_damaged_lets_nothing_in()
    {
        await using var device = await LostAsync();
        using var signer = Install(device);
        await File.WriteAllTextAsync(Path.Combine(device.Configuration.HomedirPath, "rescues"), "torn");
        Message.Shown("store_damaged-rescues", Refusal(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow()))), device.Names);
    }

    [Test]
    public async Task A_register_that_the_disk_does_not_give_back_lets_nothing_in()
    {
        await using var device = await LostAsync();
        using var signer = Install(device);
        // At its beginning is nothing, and reading it is an error of the device, as of worn flash memory.
        File.CreateSymbolicLink(Path.Combine(device.Configuration.HomedirPath, "rescues"), "/proc/self/mem");
        Message.Shown("file_read", Refusal(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow()))), device.Names);
    }

    [Test]
    public async Task So_many_files_are_remembered_that_no_more_fit()
    {
        await using var device = await LostAsync();
        using var signer = Install(device);
        var end = Utc.Format(device.Time.GetUtcNow() + TimeSpan.FromDays(1));
        var lines = Enumerable.Range(0, 256).Select(number => $"{end}\tused\t0\told/{number}\n");
        var register = Path.Combine(device.Configuration.HomedirPath, "rescues");
        await File.WriteAllTextAsync(register, $"EstProv-File: 1\n{string.Concat(lines)}End-Of-File\n");
        var file = signer.Sign(RescueSigner.Text(device.Time.GetUtcNow()));

        Message.Shown("rescue_too_many", Refusal(device, file));

        device.Time.Advance(TimeSpan.FromDays(2));
        Assert.That(Bring(device, file).State, Is.EqualTo("current"), "those that have ended need not be remembered");
    }

    [Test]
    public async Task What_a_file_allows_must_be_there()
    {
        await using var device = await LostAsync(bootstrap: false);
        using var signer = Install(device);
        Message.Shown("rescue_no_bootstrap", Refusal(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow()))));
        device.Stop();
        device.Configuration = device.Configuration with
        {
            Est = device.Configuration.Est! with
            {
                Method = EstAuthentication.Basic,
                IdentityCert = null,
                IdentityPk = null,
                Username = "factory",
            },
        };
        device.Start();
        Message.Shown("rescue_no_identity", Refusal(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow()))));
    }

    [Test]
    public async Task A_certificate_of_rescue_certs_that_is_cut_is_named()
    {
        await using var device = await LostAsync();
        using var signer = Install(device);
        await File.WriteAllTextAsync(device.FileOf("rescue.pem"), "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
        Message.Shown("preloaded_no_certificate-rescue",
            Refusal(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow()))), device.Names);
    }

    [Test]
    public async Task A_ca_that_mints_for_servers_or_devices_can_sign_no_rescue()
    {
        await using var device = await LostAsync();
        foreach (var authority in new[] { device.Simulator.Pki.EstServer, device.Simulator.Pki.IdentityRoot, device.Simulator.Pki.Identity })
        {
            await File.WriteAllTextAsync(device.FileOf("rescue.pem"), authority.Certificate.ExportCertificatePem());
            Trust(device);
            device.Restart();
            var refusal = Refusal(device, RescueSigner.Sign(RescueSigner.Text(device.Time.GetUtcNow()), authority.Certificate));
            Message.Shown("rescue_certs_minted", refusal, (authority.Certificate.Subject, "CN=Example Issuing CA"));
        }
    }

    [Test]
    public async Task A_signer_that_has_expired_or_is_not_configured_is_refused()
    {
        await using var device = await LostAsync();
        Message.Shown("rescue_not_configured", Refusal(device, [1]));
        using var signer = Install(device, TimeSpan.FromDays(1));
        device.Advance(TimeSpan.FromDays(2));
        Message.Shown("rescue_signer_expired", Refusal(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow()))));
    }

    [Test]
    public async Task The_signers_own_certificate_may_be_what_is_configured()
    {
        await using var device = await LostAsync();
        using var signer = RescueSigner.At(device.Time.GetUtcNow());
        await File.WriteAllTextAsync(device.FileOf("rescue.pem"), signer.Certificate.ExportCertificatePem());
        Trust(device);
        device.Restart();
        var key = Convert.ToHexString(SHA256.HashData(device.Served("est-id").PublicKey.ExportSubjectPublicKeyInfo()));
        Assert.That(Bring(device, signer.Sign(RescueSigner.Text(device.Time.GetUtcNow(), device: "Device-Key: " + key))).State, Is.EqualTo("current"));
    }

    [TestCase("DER")]
    [TestCase("PEM")]
    public async Task Openssl_makes_such_a_file(string form)
    {
        await using var device = await LostAsync();
        using var signer = Install(device);
        await File.WriteAllTextAsync(device.FileOf("text"), RescueSigner.Text(device.Time.GetUtcNow()));
        await File.WriteAllTextAsync(device.FileOf("signer.pem"), signer.Certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(device.FileOf("signer.key"), signer.Certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        using var openssl = Process.Start("openssl",
            ["cms", "-sign", "-binary", "-nodetach", "-outform", form, "-in", device.FileOf("text"), "-signer", device.FileOf("signer.pem"), "-inkey", device.FileOf("signer.key"), "-out", device.FileOf("file")]);
        await openssl.WaitForExitAsync();
        Assert.That(openssl.ExitCode, Is.Zero);
        Assert.That(Bring(device, await File.ReadAllBytesAsync(device.FileOf("file"))).State, Is.EqualTo("current"));
    }

    /// <summary>A device whose EST identity has expired, and that may not use its bootstrap identity any more.</summary>
    private static async Task<TestDevice> LostAsync(EstOptions? est = null, bool bootstrap = true)
    {
        var device = await TestDevice.CreateAsync(est);
        device.Configuration = device.Configuration with { Est = device.Configuration.Est! with { BootstrapUse = BootstrapUse.FirstIssue } };
        device.Start();
        device.Provision();
        device.AwaitIdle();
        device.Stop();
        device.Time.Advance(TimeSpan.FromDays(120));
        if (!bootstrap) device.Configuration = device.Configuration with { Est = device.Configuration.Est! with { BootstrapIdentityCert = null, BootstrapIdentityPk = null } };
        device.Start();
        device.Events.Await("failed", "est-id");
        device.AwaitIdle();
        return device;
    }

    private static RescueSigner Install(TestDevice device, TimeSpan? life = null)
    {
        var signer = RescueSigner.At(device.Time.GetUtcNow(), life);
        File.WriteAllText(device.FileOf("rescue.pem"), signer.Ca.ExportCertificatePem());
        Trust(device);
        if (device.Engine is not null) device.Restart();
        if (device.Engine is not null) device.AwaitIdle();
        return signer;
    }

    private static void Trust(TestDevice device) => device.Configuration = device.Configuration with
    {
        PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["rescue-ca"] = TestDevice.At(device.FileOf("rescue.pem")) },
        Est = device.Configuration.Est! with { RescueCerts = TestDevice.At<IReadOnlyList<string>>(["rescue-ca"]) },
    };

    private static RescueAnswer Bring(TestDevice device, string user, string password)
    {
        var bytes = Encoding.UTF8.GetBytes(password);
        var secret = new LockedSecret(bytes.Length);
        bytes.CopyTo(secret.Span);
        return device.Rescues.Bring(user, secret, "user 0", Wait, CancellationToken.None);
    }

    private static RescueAnswer Bring(TestDevice device, byte[] file) => device.Rescues.Bring(file, "user 0", Wait, CancellationToken.None);

    private static string Refused(TestDevice device, byte[] file) => Refusal(device, file).Code;

    private static ProblemException Refusal(TestDevice device, byte[] file) => Assert.Throws<ProblemException>(() => Bring(device, file))!;

    /// <summary>Somebody makes the file good for another device.</summary>
    private static byte[] Changed(byte[] file)
    {
        var at = file.AsSpan().IndexOf("device-1"u8);
        file[at + 7] = (byte)'1' + 1;
        return file;
    }
}
