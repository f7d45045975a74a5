using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Messages;

namespace EstProv.Certificates.Tests.Engine;

public sealed class OperatorFileTests
{
    [Test]
    public async Task A_preloaded_est_identity_is_used_until_ours_is_newer_and_again_when_the_file_changes()
    {
        await using var device = await WithIdentityAsync();
        var preloaded = device.Served("est-id");
        device.Provision();
        device.AwaitIdle();

        device.Advance(TimeSpan.FromDays(73));
        var renewed = device.Served("est-id");
        Assert.That(renewed.RawData, Is.Not.EqualTo(preloaded.RawData));
        device.Restart();
        device.AwaitIdle();
        Assert.That(device.Served("est-id").RawData, Is.EqualTo(renewed.RawData), "the file is the one that it came after");

        var brought = device.MakeEstIdentity("est-id", "est-id.pem", "CN=device-7");
        Assert.That(device.Served("est-id").RawData, Is.EqualTo(brought.RawData), "the operator has changed his file");
        device.Advance(TimeSpan.FromMinutes(6));
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        Assert.That(device.Simulator.Recorder.Requests()[^1].ClientThumbprint, Is.EqualTo(brought.Thumbprint));
        Assert.That(device.Keyd.CurrentSpki("est-id"), Is.EqualTo(device.Current("est-id")!.SpkiHash));
    }

    [Test]
    public async Task A_file_for_whose_certificate_keyd_has_no_key_does_not_take_the_device_away_from_its_own()
    {
        await using var device = await WithIdentityAsync();
        device.Provision();
        device.Advance(TimeSpan.FromDays(73));
        var renewed = device.Served("est-id");
        var text = await File.ReadAllTextAsync(device.FileOf("est-id.pem"));

        device.MakeEstIdentity("somebody-else", "est-id.pem", "CN=device-8");
        device.Advance(TimeSpan.FromMinutes(6));

        Assert.That(device.Served("est-id").RawData, Is.EqualTo(renewed.RawData));
        Assert.That(device.Ensure("est-id").State, Is.EqualTo(CredentialState.Current));
        await File.WriteAllTextAsync(device.FileOf("est-id.pem"), text);
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Served("est-id").RawData, Is.EqualTo(renewed.RawData));
    }

    [Test]
    public async Task A_file_that_was_set_aside_is_in_use_as_soon_as_keyd_has_its_key()
    {
        await using var device = await WithIdentityAsync();
        device.Advance(TimeSpan.FromDays(73));
        device.MakeEstIdentity("somebody-else", "est-id.pem", "CN=device-8");
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=device-7"));

        device.Keyd.Share("somebody-else", "est-id");
        device.Advance(TimeSpan.FromMinutes(6));

        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=device-8"));
        Assert.That(device.Engine.Table.FindLocked("est-id")!.Key, Is.Not.Null);
    }

    [Test]
    public async Task A_renewal_does_not_make_a_file_that_was_set_aside_an_old_one()
    {
        await using var device = await WithIdentityAsync();
        device.Advance(TimeSpan.FromDays(73));
        device.MakeEstIdentity("somebody-else", "est-id.pem", "CN=device-8");
        device.Advance(TimeSpan.FromMinutes(6));
        device.Advance(TimeSpan.FromDays(73));
        Assert.That(device.Events.Count("committed", "est-id"), Is.EqualTo(2));

        device.Keyd.Share("somebody-else", "est-id");
        device.Advance(TimeSpan.FromMinutes(6));

        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=device-8"));
    }

    [Test]
    public async Task A_file_that_changes_while_its_forerunner_is_looked_for_in_keyd_is_not_taken_for_it()
    {
        await using var device = await WithIdentityAsync();
        device.Stop();
        device.Keyd.Looked = () =>
        {
            device.Keyd.Looked = null;
            device.MakeEstIdentity("est-id", "est-id.pem", "CN=device-9");
            device.Engine.Table.RefreshOperatorFile(device.Engine.Table.FindLocked("est-id")!);
        };
        device.Start();
        device.AwaitIdle();

        var credential = device.Engine.Table.FindLocked("est-id")!;
        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=device-9"));
        Assert.That(CertificateFacts.SpkiOf(credential.Key!.SubjectPublicKeyInfo), Is.EqualTo(credential.Current!.Spki));
    }

    [Test]
    public async Task A_renewal_that_the_operator_has_overtaken_is_dropped()
    {
        await using var device = await WithIdentityAsync();
        device.Configuration = device.Configuration with
        {
            PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["device-id"] = TestDevice.At(device.FileOf("device-id.pem")) },
        };
        device.MakeBootstrap("device-id", "device-id.pem", "CN=first", TimeSpan.FromDays(100));
        device.Restart();
        device.Ensure("device-id");
        for (var day = 0; day < 85; day++) device.Advance(TimeSpan.FromDays(1));
        var staged = PemText.Parse(device.Ensure("device-id").ChainPem!)[0];

        var brought = device.MakeBootstrap("device-id", "device-id.pem", "CN=second");

        void Confirm() => device.Requests.Confirm("device-id", CertificateFacts.SpkiOf(staged), CancellationToken.None);
        Message.Shown("not_staged", Assert.Throws<Platform.ProblemException>(Confirm)!);
        Assert.That(PemText.Parse(device.Ensure("device-id").ChainPem!)[0].RawData, Is.EqualTo(brought.RawData));
        Assert.That(device.Keyd.Count("device-id"), Is.Zero, "the operator's key alone is left");
    }

    [TestCase("no certificate")]
    [TestCase("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")]
    public async Task A_file_that_is_spoilt_is_left_aside_when_there_is_one_of_ours(string content)
    {
        await using var device = await WithIdentityAsync();
        device.Provision();
        device.Advance(TimeSpan.FromDays(73));
        var renewed = device.Served("est-id");

        await File.WriteAllTextAsync(device.FileOf("est-id.pem"), content);
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Served("est-id").RawData, Is.EqualTo(renewed.RawData));
        File.Delete(device.FileOf("est-id.pem"));
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Served("est-id").RawData, Is.EqualTo(renewed.RawData));
    }

    [Test]
    public async Task A_preloaded_device_identity_needs_no_server_and_no_proof()
    {
        await using var device = await TestDevice.CreateAsync();
        var certificate = device.MakeBootstrap("device-id", "device-id.pem", "CN=made-in-the-factory");
        device.Configuration = device.Configuration with
        {
            Issuance = new Dictionary<string, CertificateIssuance>(),
            PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["device-id"] = TestDevice.At(device.FileOf("device-id.pem")) },
        };
        device.Start();

        var answer = device.Ensure("device-id");

        Assert.That(answer.State, Is.EqualTo(CredentialState.Current));
        Assert.That(PemText.Parse(answer.ChainPem!)[0].RawData, Is.EqualTo(certificate.RawData));
        Assert.That(device.Asked, Is.Empty);
    }

    internal static async Task<TestDevice> WithIdentityAsync()
    {
        var device = await TestDevice.CreateAsync(bootstrap: false);
        device.MakeEstIdentity("est-id", "est-id.pem", "CN=device-7");
        device.Configuration = ProvisioningTests.WithPreloadedIdentity(device);
        device.Start();
        device.AwaitIdle();
        return device;
    }
}
