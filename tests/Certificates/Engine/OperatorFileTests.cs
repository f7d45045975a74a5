using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;

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

        Assert.That(() => device.Requests.Confirm("device-id", CertificateFacts.SpkiOf(staged), CancellationToken.None),
            Throws.TypeOf<Platform.ProblemException>().With.Property("Code").EqualTo("not_staged"));
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

    [Test]
    public async Task An_imported_certificate_must_be_for_the_key_that_keyd_has()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        var leaf = device.Provision();
        var credential = device.Engine.Table.FindLocked("device-id")!;
        var other = CertificateFacts.Describe("device-id", StoredKind.Imported, device.Simulator.Pki.Bootstrap.Certificate, "x", device.Time.GetUtcNow(), 0);
        Assert.That(() => device.Requests.Import(credential, other, CancellationToken.None),
            Throws.TypeOf<Platform.ProblemException>().With.Property("Code").EqualTo("key_mismatch"));

        var same = CertificateFacts.Describe("device-id", StoredKind.Imported, leaf, PemText.Of([leaf]), device.Time.GetUtcNow(), 0);
        device.Requests.Import(credential, same, CancellationToken.None);
        Assert.That(device.Current("device-id")!.Kind, Is.EqualTo(StoredKind.Credential));
    }

    private static async Task<TestDevice> WithIdentityAsync()
    {
        var device = await TestDevice.CreateAsync(bootstrap: false);
        device.MakeEstIdentity("est-id", "est-id.pem", "CN=device-7");
        device.Configuration = ProvisioningTests.WithPreloadedIdentity(device);
        device.Start();
        device.AwaitIdle();
        return device;
    }
}
