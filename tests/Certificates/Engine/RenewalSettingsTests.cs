using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>What <c>[cert_issuance.ID.renewal]</c> says is done.</summary>
public sealed class RenewalSettingsTests
{
    private static readonly TimeSpan Life = TimeSpan.FromDays(90);

    [Test]
    public async Task The_est_identity_and_each_certificate_have_windows_of_their_own()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Configuration = With(device.Configuration, new RenewalSettings { From = Days(10), Until = Days(9) }, new RenewalSettings { From = Share(0.5), Until = Share(0.51) });
        device.Start();
        device.Provision();

        device.Advance(0.49 * Life);
        Assert.That(device.Events.Count("issued", "device-id"), Is.EqualTo(1));
        device.Advance(0.03 * Life);
        Assert.That(device.Events.Count("issued", "device-id"), Is.EqualTo(2));
        device.Requests.Confirm("device-id", device.Engine.Table.Find("device-id")!.Staged!.Spki, CancellationToken.None);
        device.Advance(TimeSpan.FromDays(79.9) - 0.52 * Life);
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(1));
        device.Advance(TimeSpan.FromDays(1.2));
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(2));
    }

    [Test]
    public async Task A_key_that_is_to_stay_stays_through_renewals_and_refusals()
    {
        await using var device = await TestDevice.CreateAsync();
        var keep = new RenewalSettings { RotateKey = false };
        device.Configuration = With(device.Configuration, keep, keep);
        device.Start();
        device.Provision();
        var (identity, own) = (device.Current("est-id")!, device.Current("device-id")!);

        device.Advance(0.76 * Life);

        Assert.That(device.Current("est-id")!.NotAfter, Is.GreaterThan(identity.NotAfter));
        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(identity.Spki));
        Assert.That(device.Engine.Table.Find("device-id")!.Staged!.Spki, Is.EqualTo(own.Spki));
        device.Requests.Refuse("device-id", own.Spki, "the hub does not like it", CancellationToken.None);
        device.Advance(TimeSpan.FromHours(2));
        device.Restart();
        device.Provision();
        Assert.That(device.Current("device-id")!.NotAfter, Is.GreaterThan(own.NotAfter));
        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(own.Spki));
        Assert.That((device.Keyd.Count("device-id"), device.Keyd.Count("est-id")), Is.EqualTo((1, 1)));
    }

    private static LifetimeSpan Days(double days) => LifetimeSpan.OfTime(TimeSpan.FromDays(days));

    private static LifetimeSpan Share(double share) => LifetimeSpan.OfShare(share);

    private static CertdConfiguration With(CertdConfiguration configuration, RenewalSettings identity, RenewalSettings device) => configuration with
    {
        Est = configuration.Est! with { Renewal = identity },
        Issuance = new Dictionary<string, CertificateIssuance>(configuration.Issuance) { ["device-id"] = TestDevice.By(IssuanceMethod.Est) with { Renewal = device } },
    };
}
