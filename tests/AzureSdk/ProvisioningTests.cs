using System.Diagnostics;
using System.Text.Json.Nodes;

namespace EstProv.AzureSdk.Tests;

/// <summary>azure-iot-provisioning-device over azure-iot-provisioning-device-http: what the SDK makes of the simulator's DPS.</summary>
internal sealed class ProvisioningTests
{
    private static readonly string Key = Convert.ToBase64String(new byte[32]);
    private static readonly string OtherKey = Convert.ToBase64String(Enumerable.Repeat((byte)7, 32).ToArray());

    [TearDown]
    public Task NoFaultsLeftAsync() => World.Simulator.ClearFaultsAsync();

    [Test]
    public async Task A_certificate_of_the_group_is_assigned()
    {
        var state = Result(await Device.WithCertificate("sdk-x509").RegisterAsync());

        Assert.That(
            ((string?)state["status"], (string?)state["assignedHub"], (string?)state["deviceId"]),
            Is.EqualTo(("assigned", SimulatorProcess.Hub, "sdk-x509")));
        Assert.That((string?)state["x509"]!["enrollmentGroupId"], Is.EqualTo("devices"));
    }

    [Test]
    public async Task A_certificate_enrolled_by_thumbprint_is_assigned()
    {
        var device = Device.WithCertificate("sdk-thumbprint", World.Simulator.Pki.NewStranger(DateTimeOffset.UtcNow));
        using var certificate = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(device.Certificate);
        await EnrollAsync($$"""{"registrationId":"sdk-thumbprint","thumbprints":["{{certificate.Thumbprint}}"]}""");

        Assert.That((string?)Result(await device.RegisterAsync())["status"], Is.EqualTo("assigned"));
    }

    [Test]
    public async Task A_key_of_an_individual_enrolment_is_assigned_and_the_payload_goes_both_ways()
    {
        await EnrollAsync($$$"""{"registrationId":"sdk-key","attestation":"symmetric-key","primaryKey":"{{{Key}}}","payload":{"ring":"canary"}}""");

        var state = Result(await Device.WithKey("sdk-key", Key).RegisterAsync("""{"model":"dtmi:example:pump;1"}"""));

        Assert.That(((string?)state["status"], (string?)state["assignedHub"]), Is.EqualTo(("assigned", SimulatorProcess.Hub)));
        Assert.That((string?)state["payload"]!["ring"], Is.EqualTo("canary"));
        var registered = (await World.Simulator.GetAsync("state"))["registrations"]!.AsArray().Single(r => (string?)r!["registrationId"] == "sdk-key")!;
        Assert.That((string?)registered["requestPayload"]!["model"], Is.EqualTo("dtmi:example:pump;1"));
    }

    [Test]
    public async Task A_key_derived_from_a_groups_is_assigned()
    {
        await EnrollAsync($$"""{"enrollmentGroupId":"sdk-line","attestation":"symmetric-key","primaryKey":"{{OtherKey}}"}""");

        var state = Result(await Device.OfGroup("sdk-grouped", OtherKey).RegisterAsync());

        Assert.That((string?)state["symmetricKey"]!["enrollmentGroupId"], Is.EqualTo("sdk-line"));
    }

    [Test]
    public async Task A_wrong_key_is_the_sdks_unauthorized_error()
    {
        await EnrollAsync($$"""{"registrationId":"sdk-wrong","attestation":"symmetric-key","primaryKey":"{{Key}}"}""");

        var error = Error(await Device.WithKey("sdk-wrong", OtherKey).RegisterAsync());

        Assert.That(((string?)error["name"], (int?)error["status"]), Is.EqualTo(("UnauthorizedError", 401)));
        Assert.That((int?)JsonNode.Parse((string)error["body"]!)!["errorCode"], Is.EqualTo(401002));
    }

    [Test]
    public async Task A_strangers_certificate_is_the_sdks_unauthorized_error()
    {
        var error = Error(await Device.WithCertificate("sdk-stranger", World.Simulator.Pki.NewStranger(DateTimeOffset.UtcNow)).RegisterAsync());

        Assert.That(((string?)error["name"], (int?)error["status"]), Is.EqualTo(("UnauthorizedError", 401)));
        Assert.That((string?)JsonNode.Parse((string)error["body"]!)!["message"], Is.EqualTo("Invalid certificate."));
    }

    [Test]
    public async Task Another_scope_is_not_found()
    {
        var error = Error(await Device.WithCertificate("sdk-scope").RegisterAsync(scope: "0ne00OTHER"));

        Assert.That(((string?)error["message"], (int?)error["status"]), Is.EqualTo(("Not found", 404)));
    }

    [Test]
    public async Task A_failed_registration_is_the_sdks_registration_error_with_dps_own_code()
    {
        await FaultAsync("""{"kind":"dps-state","state":"failed","errorCode":400207,"label":"sdk-failed"}""");

        var error = Error(await Device.WithCertificate("sdk-failed").RegisterAsync());

        Assert.That((string?)error["name"], Is.EqualTo("ProvisioningRegistrationFailedError"));
        Assert.That((int?)error["state"]!["errorCode"], Is.EqualTo(400207));
    }

    [Test]
    public async Task A_disabled_enrolment_is_a_status_that_the_sdk_names()
    {
        await EnrollAsync($$"""{"registrationId":"sdk-disabled","attestation":"symmetric-key","primaryKey":"{{Key}}","provisioningStatus":"disabled"}""");

        var error = Error(await Device.WithKey("sdk-disabled", Key).RegisterAsync());

        Assert.That((string?)error["message"], Is.EqualTo("status is disabled"));
    }

    [Test]
    public async Task The_sdk_waits_as_long_as_retry_after_says_between_its_polls()
    {
        await FaultAsync("""{"kind":"dps-state","state":"assigned","retryAfter":1,"label":"sdk-paced"}""");

        var watch = Stopwatch.StartNew();
        var state = Result(await Device.WithCertificate("sdk-paced").RegisterAsync());

        // Two answers say 'assigning'; without a header the SDK would wait 2 s after each.
        Assert.That((string?)state["status"], Is.EqualTo("assigned"));
        Assert.That(watch.Elapsed, Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(1.9)));
        Assert.That(await World.Simulator.StatusesAsync("operation", "sdk-paced"), Is.EqualTo((int[])[202, 200]));
    }

    [Test]
    public async Task A_429_is_the_sdks_throttling_error_with_retry_after_and_who_obeys_it_is_assigned()
    {
        await FaultAsync("""{"kind":"status","status":429,"retryAfter":1,"count":1,"label":"sdk-throttled"}""");
        var device = Device.WithCertificate("sdk-throttled");

        var error = Error(await device.RegisterAsync());
        await Task.Delay(TimeSpan.FromSeconds(int.Parse((string)error["retryAfter"]!, System.Globalization.CultureInfo.InvariantCulture)));
        var state = Result(await device.RegisterAsync());

        Assert.That(((string?)error["name"], (int?)error["status"]), Is.EqualTo(("ThrottlingError", 429)));
        Assert.That((int?)JsonNode.Parse((string)error["body"]!)!["errorCode"], Is.EqualTo(429001));
        Assert.That((string?)state["status"], Is.EqualTo("assigned"));
        Assert.That(await World.Simulator.StatusesAsync("register", "sdk-throttled"), Is.EqualTo((int[])[429, 202]));
    }

    [TestCase(500, "InternalServerError")]
    [TestCase(503, "ServiceUnavailableError")]
    public async Task A_server_error_is_the_sdks_own(int status, string name)
    {
        await FaultAsync($$"""{"kind":"status","status":{{status}},"label":"sdk-broken"}""");

        var error = Error(await Device.WithCertificate("sdk-broken").RegisterAsync());

        Assert.That(((string?)error["name"], (int?)error["status"]), Is.EqualTo((name, status)));
    }

    [TestCase("reset")]
    [TestCase("half-answer")]
    public async Task A_broken_connection_is_nodes_own_error(string kind)
    {
        await FaultAsync($$"""{"kind":"{{kind}}","label":"sdk-cut"}""");

        var error = Error(await Device.WithCertificate("sdk-cut").RegisterAsync());

        Assert.That((string?)error["code"], Is.EqualTo("ECONNRESET"));
        Assert.That(error["status"], Is.Null);
    }

    [Test]
    public async Task A_servers_clock_two_hours_ahead_lets_the_sdks_token_expire()
    {
        await EnrollAsync($$"""{"registrationId":"sdk-late","attestation":"symmetric-key","primaryKey":"{{Key}}"}""");
        await FaultAsync("""{"kind":"clock-skew","offsetSeconds":7200,"label":"sdk-late"}""");

        Assert.That((string?)Error(await Device.WithKey("sdk-late", Key).RegisterAsync())["name"], Is.EqualTo("UnauthorizedError"));
    }

    private static async Task EnrollAsync(string enrollment) => await World.Simulator.PostAsync("enrollments", enrollment);

    private static async Task FaultAsync(string fault) => await World.Simulator.PostAsync("faults", fault);

    private static JsonNode Result(JsonNode answer)
    {
        Assert.That(answer["error"]?.ToJsonString(), Is.Null);
        return answer["result"]!;
    }

    private static JsonNode Error(JsonNode answer)
    {
        Assert.That(answer["result"]?.ToJsonString(), Is.Null);
        return answer["error"]!;
    }
}
