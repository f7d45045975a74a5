using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>Certificates without any cloud.</summary>
public sealed class NoneTests
{
    private readonly TestPki _pki = new("Test CA");

    [Test]
    public void A_device_is_provisioned_once_its_certificate_is_proved_to_be_that_of_its_key()
    {
        using var device = New();
        var certificate = device.Certd.Staged = _pki.Device("machine-7");
        var state = device.Start().UntilSettled().Provisioned!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((state.Hub, state.DeviceId, state.Auth, state.Source, state.CertificateId),
                Is.EqualTo(("", "machine-7", DeviceAuth.None, "none", "device-id")));
            Assert.That(device.Certd.Told, Is.EqualTo(new[] { "confirmed " + certificate.Thumbprint }));
            Assert.That(device.Store.Read(out _), Is.EqualTo(state with { Since = device.Store.Read(out _)!.Since }));
            Assert.That(device.Log.All, Has.Some.Contains("device machine-7, without a hub"));
        }
    }

    [Test]
    public void Until_then_it_says_what_it_waits_for()
    {
        using var device = New();
        device.Certd.Issuing = new("https://est.example/ answered 500", "see the server", "est_server_error");
        device.Time.Hold = static wait => wait > TimeSpan.Zero;
        device.Start().UntilProblem("est_server_error");
        Assert.That(() => device.Status.Require(), Throws.Exception.With.Property("Code").EqualTo("not_provisioned"));
        device.Certd.Staged = _pki.Device("machine-7");
        device.Time.Hold = static _ => false;
        device.Loop.Look();
        device.UntilSettled();
    }

    [Test]
    public void A_renewed_certificate_takes_the_place_of_the_old_one()
    {
        using var device = New();
        device.Certd.Staged = _pki.Device("machine-7");
        device.Start().UntilSettled();
        var renewed = device.Certd.Staged = _pki.Device("machine-7");
        device.Loop.Look();
        device.Until(now => now.Provisioned!.Certificate == MemoryCertd.Text(renewed));
        Assert.That(device.Certd.Told[^1], Is.EqualTo("confirmed " + renewed.Thumbprint));
    }

    [Test]
    public void A_renewed_certificate_of_another_key_is_refused()
    {
        using var device = New();
        var old = device.Certd.Staged = _pki.Device("machine-7");
        device.Start().UntilSettled();
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
        using var other = _pki.Device("machine-7");
        var renewed = device.Certd.Staged = _pki.Device("machine-7");
        device.OpenAs = credential => credential.KeyHandle == renewed.Thumbprint ? other : old;
        device.Loop.Look();
        Message.Shown("identity_unproved", device.UntilProblem("identity_unproved").Problem!);
        Assert.That(device.Certd.Told[^1], Is.EqualTo("refused " + renewed.Thumbprint));
        Assert.That(device.Status.Require().Certificate, Is.EqualTo(MemoryCertd.Text(old)));
    }

    [Test]
    public void A_certificate_that_has_ended_provisions_nothing_by_a_clock_that_is_believed()
    {
        using var device = New();
        var ended = device.Certd.Current = _pki.Device("machine-7");
        device.Time.Set(DateTimeOffset.UtcNow.AddDays(60));
        var now = device.Start().UntilProblem("certificate_expired");
        Assert.That(now.Provisioned, Is.Null);
        Message.Shown("certificate_expired", now.Problem!, ($"{ended.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z", "DATE"));
    }

    [Test]
    public void A_configured_name_is_the_devices_and_its_certificates()
    {
        using var device = new Device(_pki.Root, Device.None() with { RegistrationId = "machine-8" });
        device.Certd.Staged = _pki.Device("something-else");
        Assert.That(device.Start().UntilSettled().Provisioned!.DeviceId, Is.EqualTo("machine-8"));
        Assert.That(device.Certd.AskedCommonName, Is.EqualTo("machine-8"));
    }

    [Test]
    public void A_restarted_device_is_provisioned_before_certd_runs()
    {
        using var first = New();
        first.Certd.Staged = _pki.Device("machine-7");
        first.Start().UntilSettled();
        first.Stop();
        first.Certd.Unreachable = new("certd_unreachable", "cannot reach the Certificates Service", "start it", 503);
        using var again = new Device(_pki.Root, first.Settings, first.Folder, first.Certd);
        again.Loop.Restore();
        Assert.That(again.Status.Require().DeviceId, Is.EqualTo("machine-7"));
    }

    private Device New() => new(_pki.Root, Device.None());
}
