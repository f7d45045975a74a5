using System.Net;
using System.Text;
using EstProv.Simulator.Hub;

namespace EstProv.Simulator.Tests.Hub;

/// <summary>
/// learn.microsoft.com/rest/api/iothub/device: send-device-event, receive-, complete- and abandon-device-bound-notification;
/// learn.microsoft.com/azure/iot-hub/iot-hub-devguide-messages-c2d.
/// </summary>
internal sealed class MessageTests
{
    private const string Box = "devices/dev1/messages/deviceBound";

    [Test]
    public async Task A_message_arrives_with_its_properties()
    {
        await using var rig = await StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"devices/dev1/messages/events{Cloud.HubVersion}") { Content = new StringContent("21.5") };
        request.Headers.TryAddWithoutValidation("Authorization", Cloud.HubToken(rig, "dev1", Cloud.Key(1)));
        request.Headers.TryAddWithoutValidation("IoTHub-MessageId", "m1");
        request.Headers.TryAddWithoutValidation("IoTHub-app-unit", "C");

        var answer = await rig.Client(SimulatorService.Hub).SendAsync(request);

        var message = rig.Host.Messages.Received("dev1").Single();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((Text(message.Body), message.MessageId, message.Properties["unit"]), Is.EqualTo(("21.5", "m1", "C")));
    }

    [Test]
    public async Task A_batch_is_as_many_messages()
    {
        await using var rig = await StartAsync();

        var answer = await AskAsync(
            rig,
            HttpMethod.Post,
            "devices/dev1/messages/events",
            """[{"body":"YQ==","properties":{"iothub-app-n":"1"}},{"body":"Yg=="}]""",
            "application/vnd.microsoft.iothub.json");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That(rig.Host.Messages.Received("dev1").Select(m => Text(m.Body)), Is.EqualTo((string[])["a", "b"]));
        Assert.That(rig.Host.Messages.Received("dev1")[0].Properties["n"], Is.EqualTo("1"));
    }

    [TestCase("""{"body":"YQ=="}""")]
    [TestCase("""[{"body":"*"}]""")]
    [TestCase("""[{"properties":{}}]""")]
    [TestCase("[]")]
    [TestCase("nonsense")]
    public async Task What_is_no_batch_is_400(string body)
    {
        await using var rig = await StartAsync();

        var answer = await AskAsync(rig, HttpMethod.Post, "devices/dev1/messages/events", body, "application/vnd.microsoft.iothub.json");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task A_message_above_256_KB_is_413()
    {
        await using var rig = await StartAsync();

        var most = await AskAsync(rig, HttpMethod.Post, "devices/dev1/messages/events", new string('x', 256 * 1024));
        var more = await AskAsync(rig, HttpMethod.Post, "devices/dev1/messages/events", new string('x', (256 * 1024) + 1));

        Assert.That((most.StatusCode, more.StatusCode), Is.EqualTo((HttpStatusCode.NoContent, HttpStatusCode.RequestEntityTooLarge)));
    }

    [Test]
    public async Task Nothing_to_receive_is_204_and_the_name_of_the_box_is_in_any_case([Values("deviceBound", "devicebound")] string box)
    {
        await using var rig = await StartAsync();

        Assert.That((await AskAsync(rig, HttpMethod.Get, "devices/dev1/messages/" + box)).StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
    }

    [Test]
    public async Task A_message_is_received_locked_and_completed()
    {
        await using var rig = await StartAsync();
        Enqueue(rig, "one", "two");

        var first = await AskAsync(rig, HttpMethod.Get, Box);
        var second = await AskAsync(rig, HttpMethod.Get, Box);
        var none = await AskAsync(rig, HttpMethod.Get, Box);
        var completed = await AskAsync(rig, HttpMethod.Delete, $"{Box}/{Lock(first)}");
        var twice = await AskAsync(rig, HttpMethod.Delete, $"{Box}/{Lock(first)}");

        Assert.That((await first.Content.ReadAsStringAsync(), await second.Content.ReadAsStringAsync()), Is.EqualTo(("one", "two")));
        Assert.That((first.Headers.GetValues("iothub-app-n").Single(), first.Headers.GetValues("iothub-deliverycount").Single()), Is.EqualTo(("1", "0")));
        Assert.That(
            (none.StatusCode, completed.StatusCode, twice.StatusCode),
            Is.EqualTo((HttpStatusCode.NoContent, HttpStatusCode.NoContent, HttpStatusCode.PreconditionFailed)));
    }

    [Test]
    public async Task An_abandoned_message_comes_again_until_the_tenth_time()
    {
        await using var rig = await StartAsync();
        Enqueue(rig, "one");
        var counts = new List<string>();
        for (var answer = await AskAsync(rig, HttpMethod.Get, Box); answer.StatusCode == HttpStatusCode.OK; answer = await AskAsync(rig, HttpMethod.Get, Box))
        {
            counts.Add(answer.Headers.GetValues("iothub-deliverycount").Single());
            Assert.That((await AskAsync(rig, HttpMethod.Post, $"{Box}/{Lock(answer)}/abandon")).StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        }

        Assert.That(counts, Is.EqualTo((string[])["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]));
    }

    [Test]
    public async Task A_lock_holds_for_a_minute()
    {
        await using var rig = await StartAsync();
        Enqueue(rig, "one");

        var first = await AskAsync(rig, HttpMethod.Get, Box);
        rig.Host.Clock.Offset = TimeSpan.FromSeconds(61);
        var late = await AskAsync(rig, HttpMethod.Delete, $"{Box}/{Lock(first)}?reject&x=");
        var again = await AskAsync(rig, HttpMethod.Get, Box);

        Assert.That((late.StatusCode, again.StatusCode), Is.EqualTo((HttpStatusCode.PreconditionFailed, HttpStatusCode.OK)));
        Assert.That(late.Headers.GetValues("iothub-errorcode"), Is.EqualTo((string[])["DeviceMessageLockLost"]));
    }

    [Test]
    public async Task Fifty_messages_wait_and_no_more()
    {
        await using var rig = await StartAsync();
        Enqueue(rig, [.. Enumerable.Repeat("x", 50)]);

        Assert.That(rig.Host.Messages.Enqueue("dev1", new DeviceMessage { Body = "" }, rig.Host.Clock.Now), Is.False);
    }

    [Test]
    public async Task Through_a_gateway_a_nested_device_reaches_its_hub_and_dps()
    {
        await using var rig = await Rig.StartAsync(static o
            => o with { GatewayHosts = ["gateway.example"], HubHosts = ["one.example", "two.example"], Port = 0 });
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1) with { IotHubHostName = "two.example" });
        var client = rig.Client(SimulatorService.Hub);
        client.BaseAddress = new Uri($"https://gateway.example:{rig.Host.Ports.Hub}/");

        var result = await Cloud.ResultAsync(client, "dev1", Cloud.DpsToken(rig, "dev1", Cloud.Key(1)));
        var token = Cloud.Token("two.example/devices/dev1", Cloud.Key(1), rig.Host.Clock.Now.AddHours(1));
        var hub = await Cloud.SendAsync(client, HttpMethod.Get, $"devices/dev1{Cloud.HubVersion}", token: token);

        Assert.That((string?)result["registrationState"]!["assignedHub"], Is.EqualTo("two.example"));
        Assert.That(hub.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(rig.Host.Recorder.Routes.Keys, Does.Contain("dps register 202").And.Contain("hub device 200"));
    }

    private static async Task<Rig> StartAsync()
    {
        var rig = await Rig.StartAsync();
        Cloud.AddDevice(rig, "dev1", 1);
        return rig;
    }

    private static void Enqueue(Rig rig, params string[] bodies)
    {
        foreach (var body in bodies)
        {
            var message = new DeviceMessage
            {
                Body = Convert.ToBase64String(Encoding.UTF8.GetBytes(body)),
                MessageId = body,
                Properties = new Dictionary<string, string>(StringComparer.Ordinal) { ["n"] = "1" },
            };
            Assert.That(rig.Host.Messages.Enqueue("dev1", message, rig.Host.Clock.Now), Is.True);
        }
    }

    private static string Lock(HttpResponseMessage answer) => answer.Headers.ETag!.Tag.Trim('"');

    private static string Text(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));

    private static Task<HttpResponseMessage> AskAsync(Rig rig, HttpMethod method, string path, string? body = null, string type = "text/plain")
    {
        var address = path.Contains('?', StringComparison.Ordinal) ? path + Cloud.HubVersion.Replace('?', '&') : path + Cloud.HubVersion;
        return Cloud.SendAsync(rig.Client(SimulatorService.Hub), method, address, body, Cloud.HubToken(rig, "dev1", Cloud.Key(1)), type: type);
    }
}
