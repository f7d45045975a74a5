using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Issuing;

/// <summary>The EST server's root is replaced, for TLS and for what it issues (RFC 7030 section 4.1.3); the devices know the old one.</summary>
public sealed class RolloverTests
{
    private static readonly TimeSpan Life = TimeSpan.FromDays(90);

    [Test]
    public async Task A_device_that_knows_the_old_root_only_survives_the_rollover_over_restarts()
    {
        await using var device = await ProvisionedAsync();
        var origin = $"https://localhost:{device.Simulator.Ports.Est}";
        var bundle = device.Reader.Read("trust-bundle");
        var rollover = device.Simulator.AnnounceRoot();
        device.Advance(0.76 * Life);

        var learnt = device.Events.Await("trust", origin);
        Assert.That(learnt.Fields["change"], Is.EqualTo("learnt"));
        Assert.That(learnt.Fields["subject"], Is.EqualTo(rollover.Next.Certificate.Subject));
        Assert.That(learnt.Fields["by"], Is.EqualTo(rollover.Old.Certificate.Subject));
        var before = device.Current("est-id")!;

        device.Restart();
        device.Simulator.SwitchRoot();
        device.Advance(0.76 * Life);
        device.Requests.Confirm("device-id", device.Engine.Table.Find("device-id")!.Staged!.Spki, CancellationToken.None);

        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before.Spki));
        Assert.That(device.Served("est-id").Issuer, Does.Contain("EST identity CA 2"));
        Assert.That(device.Served("device-id").Issuer, Does.Contain("Device identity CA 2"));
        device.Restart();
        device.Advance(0.76 * Life);
        Assert.That(device.Events.Count("committed", "est-id"), Is.EqualTo(4));
        Assert.That(device.Events.Count("trust", origin), Is.EqualTo(1), "learnt once");
        Assert.That(device.Reader.Read("trust-bundle"), Is.EqualTo(bundle + rollover.Next.Certificate.ExportCertificatePem() + "\n"));
        Assert.That(await File.ReadAllTextAsync(device.Simulator.Pki.CertificatePath(rollover.Old)), Is.EqualTo(bundle), "the operator's file is as it was");
        Assert.That(Directory.GetFiles(Path.Combine(device.Configuration.HomedirPath, "anchors")), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_device_that_missed_the_overlap_keeps_its_identity_says_what_to_do_and_comes_back_with_the_new_root()
    {
        await using var device = await ProvisionedAsync();
        var before = device.Current("est-id")!;
        device.Stop();
        device.Simulator.SwitchRoot();
        device.Start();
        device.Advance(0.76 * Life);

        var failed = device.Events.All.Last(seen => seen.Kind == "failed" && seen.Id == "est-id");
        Assert.That(failed.Fields["code"], Is.EqualTo("est_tls_untrusted"));
        Assert.That(failed.Fields["message"], Does.Contain("leads to the unknown CA 'CN=EstProv simulator EST server CA 2'"));
        Assert.That(failed.Fields["hint"], Does.Contain("if its root was replaced while the device was away").And.Contain("trusted_certs"));
        Assert.That(device.Current("est-id"), Is.EqualTo(before));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));

        // The operator brings the new root.
        var pki = device.Simulator.Pki;
        await File.WriteAllTextAsync(device.FileOf("est-ca.pem"), PemText.Of([pki.Rollover!.Old.Certificate, pki.Rollover.Next.Certificate]));
        device.Configuration = device.Configuration with
        {
            PreloadedFiles = new Dictionary<string, EstProv.Configuration.Positioned<string>>(device.Configuration.PreloadedFiles)
            {
                ["est-ca"] = TestDevice.At(device.FileOf("est-ca.pem")),
            },
        };
        device.Restart();
        device.Events.Await("committed", "est-id", 2);
        Assert.That(device.Served("est-id").Issuer, Does.Contain("EST identity CA 2"));
    }

    [Test]
    public async Task A_forged_root_is_not_learnt_and_changes_nothing()
    {
        await using var device = await ProvisionedAsync();
        var bundle = device.Reader.Read("trust-bundle");
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.ForgedRoot, Service = SimulatorService.Est, Route = "cacerts" });
        device.Advance(0.76 * Life);

        Assert.That(device.Asked.Count(asked => asked.StartsWith("cacerts/", StringComparison.Ordinal)), Is.GreaterThan(2));
        Assert.That(device.Events.All.Select(seen => seen.Kind), Has.None.EqualTo("trust"));
        Assert.That(device.Reader.Read("trust-bundle"), Is.EqualTo(bundle));
        device.Simulator.SwitchRoot();
        Assert.That(() => device.Parts.Est!.TrustFor(new Uri(device.Base), EstProv.Certificates.Issuing.ShownCredential.Basic, CancellationToken.None),
            Throws.TypeOf<EstProv.Platform.ProblemException>().With.Property("Code").EqualTo("est_tls_untrusted"));
    }

    [Test]
    public async Task Cacerts_that_lack_everything_remove_nothing()
    {
        await using var device = await ProvisionedAsync();
        var rollover = device.Simulator.AnnounceRoot();
        device.Advance(0.76 * Life);
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.EmptyPkcs7, Service = SimulatorService.Est, Route = "cacerts" });
        device.Advance(0.76 * Life);

        Assert.That(device.Reader.Read("trust-bundle"), Does.EndWith(rollover.Next.Certificate.ExportCertificatePem() + "\n"));
        Assert.That(device.Events.All.Count(seen => seen.Kind == "trust"), Is.EqualTo(1));
    }

    /// <summary>Certificates that outlive the CA: nothing else would be asked of the server in time.</summary>
    [Test]
    public async Task The_server_is_asked_for_its_next_root_before_the_old_one_ends()
    {
        await using var device = await TestDevice.CreateAsync();
        var late = new RenewalSettings { From = LifetimeSpan.OfTime(TimeSpan.FromMinutes(2)), Until = LifetimeSpan.OfTime(TimeSpan.FromMinutes(1)) };
        device.Configuration = device.Configuration with
        {
            Issuance = device.Configuration.Issuance.ToDictionary(entry => entry.Key, entry => entry.Value with { Renewal = late }),
            Est = device.Configuration.Est! with { Renewal = late },
        };
        device.Start();
        device.Provision();
        // The root ends in ten years, and the device is told so; the certificates are made to live as long.
        var end = new DateTimeOffset(device.Simulator.Pki.EstServer.Certificate.NotAfter.ToUniversalTime());
        var identity = device.Engine.Table.Find("est-id")!;
        identity.Stored = identity.Stored! with { NotAfter = end };
        device.Engine.Table.Find("device-id")!.Stored = device.Engine.Table.Find("device-id")!.Stored! with { NotAfter = end };
        var asked = device.Asked.Count;
        device.Time.SetClock(end - TimeSpan.FromDays(181));
        device.Advance(TimeSpan.FromMinutes(20));
        Assert.That(device.Asked, Has.Count.EqualTo(asked), "not yet");

        device.Simulator.AnnounceRoot();
        device.Time.SetClock(end - TimeSpan.FromDays(80));
        device.Advance(TimeSpan.FromMinutes(20));

        device.Events.Await("trust", $"https://localhost:{device.Simulator.Ports.Est}");
    }

    [Test]
    public async Task A_learnt_root_goes_with_the_root_that_vouches_for_it_and_comes_back_with_it()
    {
        await using var device = await ProvisionedAsync();
        var rollover = device.Simulator.AnnounceRoot();
        device.Advance(0.76 * Life);
        var files = device.Configuration.PreloadedFiles;

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = new CertificateRequest("CN=other", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(10));
        await File.WriteAllTextAsync(device.FileOf("other.pem"), other.ExportCertificatePem() + "\n");
        device.Configuration = device.Configuration with
        {
            PreloadedFiles = new Dictionary<string, EstProv.Configuration.Positioned<string>>(files) { ["est-ca"] = TestDevice.At(device.FileOf("other.pem")) },
        };
        device.Restart();
        Assert.That(PemText.Parse(device.Reader.Read("trust-bundle")).Select(certificate => certificate.Subject), Is.EqualTo(["CN=other"]));

        device.Configuration = device.Configuration with { PreloadedFiles = files };
        device.Restart();
        Assert.That(PemText.Parse(device.Reader.Read("trust-bundle"))[^1].Subject, Is.EqualTo(rollover.Next.Certificate.Subject));
    }

    [Test]
    public async Task A_damaged_file_of_learnt_roots_is_left_aside_and_the_roots_are_learnt_again()
    {
        await using var device = await ProvisionedAsync();
        device.Simulator.AnnounceRoot();
        device.Advance(0.76 * Life);
        device.Stop();
        var file = Directory.GetFiles(Path.Combine(device.Configuration.HomedirPath, "anchors")).Single();
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file))[..^100]);
        device.Start();
        Assert.That(PemText.Parse(device.Reader.Read("trust-bundle")), Has.Count.EqualTo(1));

        device.Advance(0.76 * Life);
        Assert.That(PemText.Parse(device.Reader.Read("trust-bundle")), Has.Count.EqualTo(2));
    }

    private static async Task<TestDevice> ProvisionedAsync()
    {
        var device = await TestDevice.CreateAsync();
        device.Start();
        device.Provision();
        return device;
    }
}
