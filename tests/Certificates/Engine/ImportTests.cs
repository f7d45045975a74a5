using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>What somebody brings for a key in keyd is proved like anything else before it replaces what is in use.</summary>
public sealed class ImportTests
{
    [Test]
    public async Task It_must_be_for_a_key_that_keyd_has()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var other = CertificateFacts.Describe("device-id", StoredKind.Imported, device.Simulator.Pki.Bootstrap.Certificate, "x", device.Time.GetUtcNow(), 0);
        Assert.That(() => device.Requests.Import(Find(device, "device-id"), other, CancellationToken.None),
            Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("key_mismatch"));
    }

    [Test]
    public async Task It_must_not_have_expired()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        Message.Shown("bad_certificate-expired",
            Assert.Throws<ProblemException>(() => Import(device, "device-id", TimeSpan.FromHours(-1)))!);
    }

    [Test]
    public async Task It_waits_for_its_user_and_the_pair_in_use_stays_until_he_confirms()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Served("device-id");

        var brought = Import(device, "device-id", TimeSpan.FromDays(9));

        var answer = device.Ensure("device-id");
        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged));
        Assert.That(device.Served("device-id").RawData, Is.EqualTo(before.RawData));
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(2));
        device.Requests.Confirm("device-id", brought, CancellationToken.None);
        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(brought));
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1));
    }

    [Test]
    public async Task Refused_it_is_gone_and_the_pair_in_use_is_still_one()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Current("device-id")!;

        var brought = Import(device, "device-id", TimeSpan.FromDays(9));
        device.Requests.Refuse("device-id", brought, "unknown", CancellationToken.None);
        device.Restart();

        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(before.Spki));
        Assert.That(device.Keyd.CurrentSpki("device-id"), Is.EqualTo(before.SpkiHash));
    }

    [Test]
    public async Task Refused_for_the_key_in_use_it_does_not_take_that_along()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.Stop();
        device.Configuration = RenewalTests.Named(device.Configuration, "renamed");
        device.Start();
        device.Events.Await("committed", "est-id", 2);
        device.AwaitIdle();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Client = "CN=brought", Status = 403 });

        Import(device, "est-id", TimeSpan.FromDays(9), device.Engine.Table.Identity!.Key!.SubjectPublicKeyInfo);
        for (var i = 0; i < 10; i++) device.Advance(TimeSpan.FromMinutes(5));

        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=renamed"));
        Assert.That(device.Keyd.FindKeyPair("est-id", device.Current("est-id")!.SpkiHash), Is.Not.Null);
    }

    [Test]
    public async Task An_est_identity_is_proved_at_the_server()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Current("est-id")!.Spki;
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Client = "CN=brought", Status = 403 });

        Import(device, "est-id", TimeSpan.FromDays(9));
        for (var i = 0; i < 60; i++) device.Advance(TimeSpan.FromMinutes(1));

        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(before));
        Assert.That(device.Keyd.CurrentSpki("est-id"), Is.EqualTo(device.Current("est-id")!.SpkiHash));
        Assert.That(device.Events.Count("failed", "est-id"), Is.EqualTo(3));
    }

    [Test]
    public async Task Keyd_may_go_away_meanwhile()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var spki = device.Keyd.StageNext("est-id", "ec-p256").SubjectPublicKeyInfo;
        device.Keyd.DownAt = 2;
        Import(device, "est-id", TimeSpan.FromDays(9), spki);
        device.AwaitIdle();
        (device.Keyd.IsDown, device.Keyd.DownAt) = (false, 0);
        for (var i = 0; i < 5; i++) device.Advance(TimeSpan.FromMinutes(1));

        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=brought"), () => device.Events.ToString());
        Assert.That(device.Events.All, Has.None.Matches<SeenEvent>(seen => seen!.Fields.GetValueOrDefault("code") == "internal"));
    }

    [Test]
    public async Task What_was_brought_before_anybody_asked_goes_before_another_one()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        var brought = BringEarly(device, device.Keyd.StageNext("device-id", "ec-p256").SubjectPublicKeyInfo);
        device.Restart();

        var answer = device.Ensure("device-id");
        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
        Assert.That(CertificateFacts.SpkiOf(PemText.Parse(answer.ChainPem!)[0]), Is.EqualTo(brought.Spki));
        Assert.That(device.Served("device-id").Subject, Is.EqualTo("CN=brought"), "it is served as before meanwhile");
        device.Requests.Confirm("device-id", brought.Spki, CancellationToken.None);

        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(brought.Spki));
        Assert.That(device.Asked, Is.Empty, "nothing was enrolled");
        Assert.That(Listed(device), Is.EqualTo(new[] { "device-id current" }));
        device.Requests.Forget("device-id", CancellationToken.None);
        Assert.That(File.Exists(device.StoreFile("device-id.cert")), Is.False);
        Assert.That(Listed(device), Is.Empty);
    }

    [Test]
    public async Task Brought_early_and_refused_it_is_not_brought_up_again()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        var brought = BringEarly(device, device.Keyd.StageNext("device-id", "ec-p256").SubjectPublicKeyInfo);
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged));
        device.Requests.Refuse("device-id", brought.Spki, "unknown", CancellationToken.None);
        device.Advance(TimeSpan.FromMinutes(2));
        Assert.That(PemText.Parse(device.Ensure("device-id").ChainPem!)[0].Subject, Is.EqualTo("CN=device-1"));
    }

    [Test]
    public async Task Brought_early_without_its_key_it_makes_room_for_another_one()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        using var elsewhere = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        BringEarly(device, elsewhere.ExportSubjectPublicKeyInfo());
        device.Provision();
        Assert.That(device.Served("device-id").Subject, Is.EqualTo("CN=device-1"));
        Assert.That(Listed(device), Is.EqualTo(new[] { "device-id current", "est-id current" }));
        device.Requests.Forget("device-id", CancellationToken.None);
        Assert.That(Listed(device), Is.EqualTo(new[] { "est-id current" }));
    }

    [Test]
    public async Task What_was_to_come_back_is_not_after_it_was_forgotten()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var identity = Find(device, "est-id");
        // As an enrolment that runs meanwhile has it (FirstUseTests), just before somebody forgets the certificate.
        lock (device.Engine.Table.Gate) (identity.TakesBack, identity.RefusedByServer) = (true, true);
        device.Requests.Delete(identity, CancellationToken.None);
        device.AwaitIdle();
        Assert.That(device.Events.Count("failed", "est-id"), Is.Zero, () => device.Events.ToString());
        Assert.That(identity, Has.Property("RefusedByServer").False);
        device.Requests.Forget("device-id", CancellationToken.None);
        device.Provision();
        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=device-1"));
    }

    private static StoredCertificate BringEarly(TestDevice device, byte[] spki)
    {
        var leaf = device.Certify("CN=brought", spki, TimeSpan.FromDays(9));
        var brought = CertificateFacts.Describe("device-id", StoredKind.Imported, leaf, PemText.Of([leaf, device.Simulator.Pki.Identity.Certificate]), device.Time.GetUtcNow(), 0);
        device.Parts.Store.WriteCommitted(brought);
        lock (device.Engine.Table.Gate) device.Engine.Table.PutOther(brought);
        return brought;
    }

    private static IEnumerable<string> Listed(TestDevice device) =>
        new Certificates.Engine.CredentialListing(device.Parts, device.Engine).List().Credentials.Select(static entry => $"{entry.Id} {entry.State}");

    private static Certificates.Engine.Credential Find(TestDevice device, string id) => device.Engine.Table.FindLocked(id)!;

    /// <returns>Its SPKI hash.</returns>
    private static string Import(TestDevice device, string id, TimeSpan life, byte[]? spki = null)
    {
        var leaf = device.Certify("CN=brought", spki ?? device.Keyd.StageNext(id, "ec-p256").SubjectPublicKeyInfo, life);
        var imported = CertificateFacts.Describe(id, StoredKind.Imported, leaf, PemText.Of([leaf, device.Simulator.Pki.Identity.Certificate]), device.Time.GetUtcNow(), 0);
        device.Requests.Import(Find(device, id), imported, CancellationToken.None);
        return imported.Spki;
    }
}
