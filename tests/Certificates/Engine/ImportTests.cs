using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
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
        Assert.That(() => Import(device, "device-id", TimeSpan.FromHours(-1)),
            Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("bad_certificate"));
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
