using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>From a certificate to an assignment, over real TLS.</summary>
public sealed class RegistrationTests
{
    private readonly TestPki _pki = new("Test CA");

    [Test]
    public void A_staged_certificate_is_registered_confirmed_stored_and_served()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        var certificate = device.Certd.Staged = _pki.Device("dev-1");
        var now = device.Start().UntilSettled();

        Assert.Multiple(() =>
        {
            Assert.That(now.Provisioned!.Hub, Is.EqualTo("hub.example"));
            Assert.That(now.Provisioned.DeviceId, Is.EqualTo("dev-1"));
            Assert.That(device.Certd.Told, Is.EqualTo(new[] { "confirmed " + certificate.Thumbprint }));
            Assert.That(device.Store.Read(out _), Is.EqualTo(now.Provisioned with { Since = device.Store.Read(out _)!.Since }));
            var calls = dps.Calls.ToArray();
            Assert.That(calls, Has.Length.EqualTo(2));
            Assert.That(calls[0].Path, Is.EqualTo("/0neTEST/registrations/dev-1/register?api-version=2021-06-01"));
            Assert.That(calls[0].Body, Is.EqualTo("""{"registrationId":"dev-1"}"""));
            Assert.That(calls[0].Client, Is.EqualTo("CN=dev-1"));
            Assert.That(calls[1].Path, Is.EqualTo("/0neTEST/registrations/dev-1/operations/4.op?api-version=2021-06-01"));
        });
    }

    [Test]
    public void A_configured_registration_id_is_the_common_name_that_is_asked_for()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url, registrationId: "Line 7/Pump");
        device.Certd.Staged = _pki.Device("Line 7/Pump");
        device.Start().UntilSettled();
        Assert.That(device.Certd.AskedCommonName, Is.EqualTo("Line 7/Pump"));
        Assert.That(dps.Calls.First().Path, Does.StartWith("/0neTEST/registrations/Line%207%2FPump/register"));
    }

    [Test]
    public void Without_a_retry_after_the_first_poll_comes_at_once()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilSettled();
        Assert.That(device.Time.Waits, Has.Count.EqualTo(1));
        Assert.That(device.Time.Waits[0], Is.LessThan(TimeSpan.FromMilliseconds(300)));
    }

    [Test]
    public void Retry_after_is_obeyed_between_polls()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        var polls = 0;
        dps.Script = call => call.Method == "GET" && ++polls == 3 ? TestDps.Assigned("hub.example", "dev-1")
            : new DpsReply(202, """{"operationId":"4.op","status":"assigning"}""", polls switch { 0 => "3", 1 => "0", _ => "7" });
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilSettled();
        Assert.That(device.Time.Waits, Has.Count.EqualTo(3));
        Assert.That(device.Time.Waits[0], Is.EqualTo(TimeSpan.FromSeconds(3)));
        Assert.That(device.Time.Waits[1], Is.InRange(TimeSpan.FromMilliseconds(15), TimeSpan.FromMilliseconds(25)), "a wait of 0 is no leave to ask without end: the gaps grow");
        Assert.That(device.Time.Waits[2], Is.EqualTo(TimeSpan.FromSeconds(7)));
    }

    [Test]
    public void A_poll_that_fails_is_repeated_without_registering_anew()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        var polls = 0;
        dps.Script = call => call.Method == "PUT" ? new DpsReply(202, """{"operationId":"4.op","status":"assigning"}""")
            : ++polls switch { 1 => TestDps.Error(500, "oops"), 2 => null, 3 => new DpsReply(200, "<html>"), _ => TestDps.Assigned("hub.example", "dev-1") };
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilSettled();
        Assert.That(dps.Calls.Count(call => call.Method == "PUT"), Is.EqualTo(1));
    }

    [Test]
    public void An_assignment_that_never_comes_is_begun_anew()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        var registrations = 0;
        dps.Script = call => call.Method == "PUT" && ++registrations == 2 ? TestDps.Assigned("hub.example", "dev-1")
            : new DpsReply(202, """{"operationId":"4.op","status":"assigning"}""", "60");
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilSettled();
        Assert.That(registrations, Is.EqualTo(2));
    }

    [Test]
    public void An_assignment_that_never_comes_is_told()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        dps.Script = static _ => new DpsReply(202, """{"operationId":"4.op","status":"assigning"}""", "60");
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        Message.Shown("dps_slow", device.Start().UntilProblem("dps_slow").Problem!);
    }

    [Test]
    public void A_certificate_that_comes_late_is_waited_for_with_its_problem_told()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.Zero;
        device.Certd.Issuing = new("https://est.example/ answered 500", "see the server", "est_server_error");
        device.Start().UntilProblem("est_server_error");
        Assert.That(() => device.Status.Require(), Throws.TypeOf<EstProv.Platform.ProblemException>()
            .With.Property("Code").EqualTo("not_provisioned").And.Property("Status").EqualTo(503)
            .And.Message.Contains("https://est.example/ answered 500").And.Message.Contains("certificate device-id"));

        device.Certd.Staged = _pki.Device("dev-1");
        device.Time.Hold = static _ => false;
        device.Loop.Look();
        Assert.That(device.UntilSettled().Problem, Is.Null);
    }

    [Test]
    public void A_certificates_service_that_starts_later_is_found()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Unreachable = new("certd_unreachable", "cannot reach the Certificates Service", "start it", 503);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilProblem("certd_unreachable");
        device.Certd.Unreachable = null;
        device.UntilSettled();
    }

    [Test]
    public void A_certificate_without_a_name_needs_a_configured_registration_id()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.DeviceWithSubject("O=Nobody");
        Message.Shown("no_registration_id", device.Start().UntilProblem("no_registration_id").Problem!);
    }

    [Test]
    public void What_is_no_certificate_is_told_and_asked_for_again()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Certd.Garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        Message.Shown("certificate_invalid", device.Start().UntilProblem("certificate_invalid").Problem!);
        device.Certd.Garbled = null;
        device.UntilSettled();
    }

    [Test]
    public void The_state_is_in_words_before_anything_happened()
        => Assert.That(() => new ProvisioningStatus().Require(), Throws.Exception.With.Message.EqualTo("the device is not provisioned yet: starting"));
}
