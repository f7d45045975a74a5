using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>A renewed CA of ours mints anew what it had minted.</summary>
public sealed class IssuerRenewalTests
{
    [Test]
    public async Task A_renewed_device_ca_mints_the_device_identity_anew_within_the_hour_and_its_user_proves_it()
    {
        await using var device = await MintingAsync();
        var before = device.Served("device-id");

        device.Requests.Renew("device-ca", now: true, "a test", TimeSpan.FromSeconds(20), CancellationToken.None);
        device.AwaitIdle();
        Assert.That(device.Events.Count("committed", "device-ca"), Is.EqualTo(2));
        for (var minute = 0; minute < 66; minute++) device.Advance(TimeSpan.FromMinutes(1));

        Assert.That(device.Served("device-id").RawData, Is.EqualTo(before.RawData), "the old one is served until its user has accepted the new one");
        var staged = device.Engine.Table.Find("device-id")!.Staged!;
        Assert.That(staged.IssuerSpki, Is.EqualTo(device.Current("device-ca")!.Spki));
        device.Requests.Confirm("device-id", staged.Spki, CancellationToken.None);
        for (var i = 0; i < 20; i++) device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Events.Count("issued", "device-id"), Is.EqualTo(2), "once, and not in a loop");
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1));
    }

    [Test]
    public async Task The_turn_of_each_is_its_own_and_the_same_after_a_restart()
    {
        await using var device = await MintingAsync();
        device.Requests.Renew("device-ca", now: true, "a test", TimeSpan.FromSeconds(20), CancellationToken.None);
        device.AwaitIdle();
        var turn = device.Engine.Table.Find("device-id")!.Replacement!.From;

        device.Restart();

        Assert.That(device.Engine.Table.Find("device-id")!.Replacement!.From, Is.EqualTo(turn));
        Assert.That(turn - device.Current("device-ca")!.IssuedAt, Is.InRange(TimeSpan.Zero, TimeSpan.FromHours(1)));
    }

    [Test]
    public async Task A_certificate_that_a_caller_has_the_key_of_is_announced_and_the_same_request_gets_a_new_one()
    {
        await using var device = await MintingAsync();
        var csr = Csr.Make("CN=server").Pem;
        var old = device.Issuer.Issue("module-server", csr, null, CancellationToken.None);
        Assert.That(device.Issuer.Issue("module-server", csr, null, CancellationToken.None), Is.EqualTo(old));

        device.Requests.Renew("device-ca", now: true, "a test", TimeSpan.FromSeconds(20), CancellationToken.None);
        for (var minute = 0; minute < 70; minute += 5) device.Advance(TimeSpan.FromMinutes(5));

        Assert.That(device.Events.Await("expiring", "module-server").Fields["reason"], Is.EqualTo("issuer_renewed"));
        var renewed = device.Issuer.Issue("module-server", csr, null, CancellationToken.None);
        Assert.That(renewed, Is.Not.EqualTo(old));
        Assert.That(PemText.Parse(renewed)[1].PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(device.Served("device-ca").PublicKey.ExportSubjectPublicKeyInfo()));
        device.Advance(TimeSpan.FromDays(2));
        Assert.That(device.Events.Count("expiring", "module-server"), Is.EqualTo(1), "he has asked: there is nothing more to tell");
    }

    [Test]
    public async Task A_device_ca_that_is_renewed_in_its_own_window_takes_everything_along_before_the_old_one_ends()
    {
        await using var device = await MintingAsync();
        var old = device.Current("device-ca")!;
        var (end, limit) = (old.IssuedAt + 0.8 * (old.NotAfter - old.IssuedAt), 0);
        while (device.Time.GetUtcNow() < end && limit++ < 4000)
        {
            device.Advance(TimeSpan.FromHours(3));
            if (device.Engine.Table.Find("device-id")!.Staged is { } staged) device.Requests.Confirm("device-id", staged.Spki, CancellationToken.None);
        }

        Assert.That(device.Current("device-ca")!.Spki, Is.Not.EqualTo(old.Spki));
        Assert.That(device.Current("device-id")!.IssuerSpki, Is.EqualTo(device.Current("device-ca")!.Spki));
        Assert.That(old.NotAfter, Is.GreaterThan(device.Time.GetUtcNow()), "long before that");
    }

    [Test]
    public async Task A_device_ca_that_keeps_its_key_leaves_what_it_has_minted_as_it_is()
    {
        await using var device = await MintingAsync();
        var minted = device.Current("device-id")!;
        var ca = device.Engine.Table.Find("device-ca")!;
        lock (device.Engine.Table.Gate) ca.Stored = ca.Stored! with { NotAfter = ca.Stored.NotAfter.AddDays(1) };
        device.Engine.Replacements.JudgeAll();
        Assert.That(device.Engine.Replacements.Of(minted, () => minted.Pem), Is.Null);
    }

    private static async Task<TestDevice> MintingAsync()
    {
        var device = await TestDevice.CreateAsync();
        device.Configuration = ProvisioningTests.WithLocalMint(device.Configuration);
        device.Start();
        device.Provision();
        device.AwaitIdle();
        device.Advance(TimeSpan.FromMinutes(2));
        return device;
    }
}
