using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using EstProv.Simulator.Dps;

namespace EstProv.Simulator.Tests.Dps;

/// <summary>
/// learn.microsoft.com/azure/iot-dps/concepts-service, …/concepts-x509-attestation, …/how-to-revoke-device-access-portal;
/// answers after learn.microsoft.com/rest/api/iot-dps/device/runtime-registration.
/// </summary>
internal sealed class EnrollmentTests
{
    [Test]
    public async Task An_individual_enrolment_takes_its_certificate_whoever_issued_it([Values] bool sha256)
    {
        await using var rig = await Rig.StartAsync();
        var credential = rig.Bootstrap("dev1", rig.Pki.NewStranger(rig.Host.Clock.Now));
        rig.Host.Enrollments.Put(Individual(credential, sha256));

        var result = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps, credential), "dev1");
        var device = await rig.Client(SimulatorService.Hub, credential).GetAsync($"devices/dev1{Cloud.HubVersion}");

        var x509 = result["registrationState"]!["x509"]!;
        Assert.That((string?)x509["certificateInfo"]!["sha256Thumbprint"], Is.EqualTo(Sha256(credential)));
        Assert.That((string?)x509["certificateInfo"]!["subjectName"], Is.EqualTo("CN=dev1"));
        Assert.That(x509["enrollmentGroupId"], Is.Null);
        Assert.That(device.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Another_certificate_of_the_group_is_refused_where_there_is_an_individual_enrolment()
    {
        await using var rig = await Rig.StartAsync();
        var enrolled = await rig.DeviceIdAsync("dev1");
        rig.Host.Enrollments.Put(Individual(enrolled, sha256: true));

        var other = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync("dev1")), "dev1");
        var own = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps, enrolled), "dev1");

        Assert.That((other.StatusCode, own.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.Accepted)));
    }

    [Test]
    public async Task An_expired_certificate_of_an_individual_enrolment_is_refused()
    {
        await using var rig = await Rig.StartAsync();
        var credential = rig.Bootstrap("dev1");
        rig.Host.Enrollments.Put(Individual(credential, sha256: true));
        rig.Host.Clock.Offset = TimeSpan.FromDays(2000);

        var answer = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps, credential), "dev1");

        Assert.That((string?)(await Cloud.JsonAsync(answer))["message"], Is.EqualTo("Invalid certificate."));
    }

    [Test]
    public async Task A_certificate_does_not_do_for_an_enrolment_by_key_nor_a_key_for_one_by_certificate()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1));
        var device = await rig.DeviceIdAsync("dev2");
        rig.Host.Enrollments.Put(Individual(device, sha256: true) with { RegistrationId = "dev2", PrimaryKey = Cloud.Key(1) });

        var byCertificate = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync("dev1")), "dev1");
        var byKey = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps), "dev2", Cloud.DpsToken(rig, "dev2", Cloud.Key(1)));

        Assert.That((byCertificate.StatusCode, byKey.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized)));
    }

    [Test]
    public async Task The_answer_tells_the_certificate_and_who_signed_it()
    {
        await using var rig = await Rig.StartAsync();
        var device = await rig.DeviceIdAsync("dev1");

        var x509 = (await Cloud.ResultAsync(rig.Client(SimulatorService.Dps, device), "dev1"))["registrationState"]!["x509"]!;

        Assert.That((string?)x509["enrollmentGroupId"], Is.EqualTo("devices"));
        Assert.That((string?)x509["certificateInfo"]!["sha1Thumbprint"], Is.EqualTo(device.Certificate.Thumbprint));
        Assert.That((string?)x509["certificateInfo"]!["serialNumber"], Is.EqualTo(device.Certificate.SerialNumber));
        Assert.That((string?)x509["signingCertificateInfo"]!["sha1Thumbprint"], Is.EqualTo(rig.Pki.DeviceIdentity.Certificate.Thumbprint));
    }

    [Test]
    public async Task A_disabled_enrolment_ends_a_registration_as_disabled()
    {
        await using var rig = await Rig.StartAsync();
        var client = rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync("dev1"));
        rig.Host.Enrollments.Put(new DpsEnrollment { EnrollmentGroupId = "devices", ProvisioningStatus = ProvisioningStatus.Disabled });

        var disabled = await Cloud.ResultAsync(client, "dev1");
        var device = rig.Host.Devices.Find("dev1");
        rig.Host.Enrollments.Remove("devices");
        var enabled = await Cloud.ResultAsync(client, "dev1");

        Assert.That(((string?)disabled["status"], (string?)enabled["status"]), Is.EqualTo(("disabled", "assigned")));
        Assert.That(disabled["registrationState"]!["assignedHub"], Is.Null);
        Assert.That(device, Is.Null);
    }

    [Test]
    public async Task A_disabled_individual_enrolment_keeps_one_device_of_a_group_out()
    {
        await using var rig = await Rig.StartAsync();
        var one = await rig.DeviceIdAsync("dev1");
        rig.Host.Enrollments.Put(Individual(one, sha256: true) with { ProvisioningStatus = ProvisioningStatus.Disabled });

        var first = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps, one), "dev1");
        var second = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync("dev2")), "dev2");

        Assert.That(((string?)first["status"], (string?)second["status"]), Is.EqualTo(("disabled", "assigned")));
    }

    [Test]
    public async Task A_group_may_have_cas_of_its_own_and_an_enrolment_names_hub_and_device()
    {
        await using var rig = await Rig.StartAsync(o => o with { HubHosts = ["one.example", "two.example"] });
        var stranger = rig.Pki.NewStranger(rig.Host.Clock.Now);
        rig.Host.Enrollments.Put(new DpsEnrollment
        {
            EnrollmentGroupId = "others",
            Authorities = stranger.Certificate.ExportCertificatePem(),
            IotHubHostName = "two.example",
        });
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev2", 1) with { DeviceId = "pump-2" });

        var grouped = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps, rig.Bootstrap("dev1", stranger)), "dev1");
        var named = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps), "dev2", Cloud.DpsToken(rig, "dev2", Cloud.Key(1)));

        Assert.That((string?)grouped["registrationState"]!["x509"]!["enrollmentGroupId"], Is.EqualTo("others"));
        Assert.That((string?)grouped["registrationState"]!["assignedHub"], Is.EqualTo("two.example"));
        Assert.That((string?)named["registrationState"]!["deviceId"], Is.EqualTo("pump-2"));
        Assert.That(rig.Host.Devices.Find("pump-2")?.Hub, Is.EqualTo("one.example"));
    }

    [Test]
    public async Task Enrolments_are_told_by_the_control_plane()
    {
        await using var rig = await Rig.StartAsync();
        using var control = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{rig.Host.Ports.Control}/") };
        using var order = new StringContent("""{"registrationId":"dev1","attestation":"symmetric-key","reprovision":"never"}""", Encoding.UTF8, "application/json");

        var made = await Cloud.JsonAsync(await control.PostAsync("enrollments", order));
        var all = JsonNode.Parse(await control.GetStringAsync("enrollments"))!.AsArray();
        var result = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps), "dev1", Cloud.DpsToken(rig, "dev1", (string)made["primaryKey"]!));
        await control.DeleteAsync("enrollments/dev1");

        Assert.That(all.Select(e => (string?)e!["registrationId"] ?? (string?)e["enrollmentGroupId"]), Is.EqualTo((string[])["devices", "dev1"]));
        Assert.That((string?)result["status"], Is.EqualTo("assigned"));
        Assert.That(rig.Host.Enrollments.Individual("dev1"), Is.Null);
    }

    [TestCase("""{"attestation":"symmetric-key"}""")]
    [TestCase("""{"registrationId":"a","enrollmentGroupId":"b"}""")]
    [TestCase("""{"registrationId":"-a","attestation":"symmetric-key"}""")]
    [TestCase("""{"registrationId":"a","attestation":"symmetric-key","primaryKey":"c2hvcnQ="}""")]
    [TestCase("""{"registrationId":"a","attestation":"x509"}""")]
    [TestCase("""{"registrationId":"a","attestation":"tpm"}""")]
    [TestCase("""{"enrollmentGroupId":"a","authorities":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}""")]
    public async Task What_is_no_enrolment_is_400(string body)
    {
        await using var rig = await Rig.StartAsync();
        using var control = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{rig.Host.Ports.Control}/") };
        using var order = new StringContent(body, Encoding.UTF8, "application/json");

        var answer = await control.PostAsync("enrollments", order);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    private static DpsEnrollment Individual(Credential credential, bool sha256)
        => new() { RegistrationId = "dev1", Thumbprints = [sha256 ? Sha256(credential) : credential.Certificate.Thumbprint.ToLowerInvariant()] };

    private static string Sha256(Credential credential) => credential.Certificate.GetCertHashString(HashAlgorithmName.SHA256);
}
