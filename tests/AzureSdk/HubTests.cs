using System.Text;
using System.Text.Json.Nodes;

namespace EstProv.AzureSdk.Tests;

/// <summary>azure-iot-device over azure-iot-device-http: what the SDK makes of the simulator's hub.</summary>
internal sealed class HubTests
{
    private static readonly string Key = Convert.ToBase64String(Enumerable.Repeat((byte)3, 32).ToArray());

    [TearDown]
    public Task NoFaultsLeftAsync() => World.Simulator.ClearFaultsAsync();

    [Test]
    public async Task A_device_sends_by_the_certificate_that_it_has_registered_with()
    {
        var device = Device.WithCertificate("hub-x509");
        await RegisterAsync(device);

        Assert.That(Sent(await device.SendAsync("""{"body":"21.5","messageId":"m1","properties":{"unit":"C"}}""")), Is.EqualTo("MessageEnqueued"));

        var message = (await World.Simulator.GetAsync("devices/hub-x509/messages")).AsArray().Single()!;
        Assert.That((Text(message), (string?)message["messageId"], (string?)message["properties"]!["unit"]), Is.EqualTo(("21.5", "m1", "C")));
    }

    [Test]
    public async Task A_device_sends_by_the_key_of_its_enrolment()
    {
        await EnrollAsync("hub-key");
        var device = Device.WithKey("hub-key", Key);
        await RegisterAsync(device);

        Assert.That(Sent(await device.SendAsync()), Is.EqualTo("MessageEnqueued"));
    }

    [Test]
    public async Task A_device_sends_by_a_key_derived_from_its_groups()
    {
        await World.Simulator.PostAsync("enrollments", $$"""{"enrollmentGroupId":"hub-line","attestation":"symmetric-key","primaryKey":"{{Key}}"}""");
        var device = Device.OfGroup("hub-grouped", Key);
        await RegisterAsync(device);

        Assert.That(Sent(await device.SendAsync()), Is.EqualTo("MessageEnqueued"));
    }

    [Test]
    public async Task A_batch_arrives_as_its_messages()
    {
        var device = await WithKeyAsync("hub-batch");

        await device.SendBatchAsync("""[{"body":"a","properties":{"n":"1"}},{"body":"b"}]""");

        var messages = (await World.Simulator.GetAsync("devices/hub-batch/messages")).AsArray();
        Assert.That(messages.Select(m => Text(m!)), Is.EqualTo((string[])["a", "b"]));
        Assert.That((string?)messages[0]!["properties"]!["n"], Is.EqualTo("1"));
    }

    [Test]
    public async Task A_wrong_key_an_unknown_device_and_a_strangers_certificate_are_the_sdks_unauthorized_error()
    {
        await WithKeyAsync("hub-wrong");
        Device[] devices =
        [
            Device.WithKey("hub-wrong", Convert.ToBase64String(new byte[32])),
            Device.WithKey("hub-nobody", Key),
            Device.WithCertificate("hub-wrong", World.Simulator.Pki.NewStranger(DateTimeOffset.UtcNow)),
        ];

        foreach (var device in devices)
        {
            var error = (await device.SendAsync())["error"]!;
            Assert.That(((string?)error["name"], (int?)error["status"]), Is.EqualTo(("UnauthorizedError", 401)));
        }
    }

    [Test]
    public async Task A_disabled_device_is_403()
    {
        var device = await WithKeyAsync("hub-disabled");
        await World.Simulator.PostAsync("devices/hub-disabled", """{"status":"disabled"}""");

        Assert.That((int?)(await device.SendAsync())["error"]!["status"], Is.EqualTo(403));
    }

    [Test]
    public async Task A_message_too_large_is_the_sdks_own_error()
    {
        var device = await WithKeyAsync("hub-large");

        Assert.That((string?)(await device.SendAsync("""{"fill":262145}"""))["error"]!["name"], Is.EqualTo("MessageTooLargeError"));
        Assert.That(Sent(await device.SendAsync("""{"fill":262144}""")), Is.EqualTo("MessageEnqueued"));
    }

    [TestCase(500)]
    [TestCase(503)]
    public async Task The_sdk_repeats_what_a_server_error_has_kept_from_arriving(int status)
    {
        var device = await WithKeyAsync("hub-shaky" + status);
        await World.Simulator.PostAsync("faults", $$"""{"kind":"status","status":{{status}},"count":2,"service":"hub","label":"hub-shaky{{status}}"}""");

        Assert.That(Sent(await device.SendAsync()), Is.EqualTo("MessageEnqueued"));
        Assert.That(await World.Simulator.StatusesAsync("events", "hub-shaky" + status), Is.EqualTo((int[])[status, status, 204]));
    }

    [Test]
    public async Task A_429_comes_with_retry_after_and_who_obeys_it_sends()
    {
        var device = await WithKeyAsync("hub-throttled");
        await World.Simulator.PostAsync("faults", """{"kind":"status","status":429,"retryAfter":1,"count":1,"service":"hub","label":"hub-throttled"}""");

        var error = (await device.SendAsync())["error"]!;
        await Task.Delay(TimeSpan.FromSeconds(int.Parse((string)error["retryAfter"]!, System.Globalization.CultureInfo.InvariantCulture)));

        Assert.That((int?)error["status"], Is.EqualTo(429));
        Assert.That((string?)JsonNode.Parse((string)error["body"]!)!["Message"], Does.StartWith("ErrorCode:ThrottlingException;"));
        Assert.That(Sent(await device.SendAsync()), Is.EqualTo("MessageEnqueued"));
    }

    [Test]
    public async Task A_servers_clock_two_hours_ahead_lets_the_sdks_token_expire()
    {
        var device = await WithKeyAsync("hub-late");
        await World.Simulator.PostAsync("faults", """{"kind":"clock-skew","offsetSeconds":7200,"label":"hub-late"}""");

        Assert.That((string?)(await device.SendAsync())["error"]!["name"], Is.EqualTo("UnauthorizedError"));
    }

    [Test]
    public async Task Messages_to_the_device_are_received_abandoned_completed_and_rejected()
    {
        var device = await WithKeyAsync("hub-c2d");
        foreach (var body in (string[])["one", "two"])
        {
            var base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes(body));
            await World.Simulator.PostAsync("devices/hub-c2d/messages", $$$"""{"body":"{{{base64}}}","messageId":"{{{body}}}","properties":{"n":"1"}}""");
        }

        var received = new List<string?>();
        foreach (var settle in (string[])["abandon", "complete", "reject", "complete"])
        {
            var result = (await device.ReceiveAsync(settle))["result"];
            received.Add(result is null ? null : $"{result["body"]} {result["messageId"]} {result["n"]}");
        }

        Assert.That(received, Is.EqualTo((string?[])["one one 1", "one one 1", "two two 1", null]));
    }

    [Test]
    public async Task A_nested_device_sends_through_its_gateway()
    {
        var device = await WithKeyAsync("hub-nested");

        Assert.That(Sent(await device.SendAsync(gateway: SimulatorProcess.Gateway)), Is.EqualTo("MessageEnqueued"));
    }

    private static async Task<Device> WithKeyAsync(string id)
    {
        await World.Simulator.PostAsync(
            "devices/" + id, $$$"""{"hub":"{{{SimulatorProcess.Hub}}}","authentication":{"type":"sas","primaryKey":"{{{Key}}}"}}""");
        return Device.WithKey(id, Key);
    }

    private static async Task EnrollAsync(string id)
        => await World.Simulator.PostAsync("enrollments", $$"""{"registrationId":"{{id}}","attestation":"symmetric-key","primaryKey":"{{Key}}"}""");

    private static async Task RegisterAsync(Device device)
    {
        var answer = await device.RegisterAsync();
        Assert.That((string?)answer["result"]?["status"], Is.EqualTo("assigned"), answer.ToJsonString());
    }

    private static string? Sent(JsonNode answer)
    {
        Assert.That(answer["error"]?.ToJsonString(), Is.Null);
        return (string?)answer["result"]!["sent"];
    }

    private static string Text(JsonNode message) => Encoding.UTF8.GetString(Convert.FromBase64String((string)message["body"]!));
}
