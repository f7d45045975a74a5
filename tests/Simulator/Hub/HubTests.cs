using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using EstProv.Simulator.Hub;
using EstProv.Simulator.Tests.Dps;

namespace EstProv.Simulator.Tests.Hub;

internal sealed class HubTests
{
    private const string Version = "?api-version=2020-09-30";
    private const string HubHost = "estprov-hub.azure-devices.net";

    [Test]
    public async Task An_assigned_device_is_known_by_its_certificate()
    {
        await using var rig = await Rig.StartAsync();
        var device = await AssignedAsync(rig, "dev1");
        var client = rig.Client(SimulatorService.Hub, device);

        var answer = await client.GetAsync($"devices/dev1{Version}");
        var sent = await SendAsync(client, HttpMethod.Post, $"devices/dev1/messages/events{Version}", "hello");

        Assert.That((string?)(await JsonAsync(answer))["deviceId"], Is.EqualTo("dev1"));
        Assert.That(sent.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
    }

    [Test]
    public async Task A_device_cannot_be_another_device()
    {
        await using var rig = await Rig.StartAsync();
        await AssignedAsync(rig, "dev1");
        var other = await AssignedAsync(rig, "dev2");

        var answer = await rig.Client(SimulatorService.Hub, other).GetAsync($"devices/dev1{Version}");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That((string?)(await JsonAsync(answer))["Message"], Is.EqualTo("ErrorCode:IotHubUnauthorizedAccess;Unauthorized"));
    }

    [Test]
    public async Task Without_a_credential_nothing_is_told()
    {
        await using var rig = await Rig.StartAsync();
        await AssignedAsync(rig, "dev1");
        var client = rig.Client(SimulatorService.Hub);

        Assert.That((int)(await client.GetAsync($"devices/dev1{Version}")).StatusCode, Is.EqualTo(401));
        Assert.That((int)(await client.GetAsync($"devices/nobody{Version}")).StatusCode, Is.EqualTo(401));
    }

    [Test]
    public async Task A_renewed_certificate_is_known_after_the_next_registration()
    {
        await using var rig = await Rig.StartAsync();
        var old = await AssignedAsync(rig, "dev1");
        var renewed = await rig.DeviceIdAsync("dev1");

        var before = await rig.Client(SimulatorService.Hub, renewed).GetAsync($"devices/dev1{Version}");
        await DpsTests.ResultAsync(rig.Client(SimulatorService.Dps, renewed), "dev1");
        var after = await rig.Client(SimulatorService.Hub, renewed).GetAsync($"devices/dev1{Version}");
        var gone = await rig.Client(SimulatorService.Hub, old).GetAsync($"devices/dev1{Version}");

        Assert.That(((int)before.StatusCode, (int)after.StatusCode, (int)gone.StatusCode), Is.EqualTo((401, 200, 401)));
    }

    [Test]
    public async Task A_hub_that_knows_the_ca_takes_every_certificate_of_the_device()
    {
        await using var rig = await Rig.StartAsync(o => o with { HubAuthentication = HubAuthentication.Ca });
        await AssignedAsync(rig, "dev1");

        var renewed = await rig.Client(SimulatorService.Hub, await rig.DeviceIdAsync("dev1")).GetAsync($"devices/dev1{Version}");
        var other = await rig.Client(SimulatorService.Hub, await rig.DeviceIdAsync("dev2")).GetAsync($"devices/dev1{Version}");

        Assert.That(((int)renewed.StatusCode, (int)other.StatusCode), Is.EqualTo((200, 401)));
    }

    [Test]
    public async Task A_disabled_device_stays_out()
    {
        await using var rig = await Rig.StartAsync();
        var device = await AssignedAsync(rig, "dev1");
        rig.Host.Devices.Change("dev1", d => d! with { Status = "disabled" });

        var answer = await rig.Client(SimulatorService.Hub, device).GetAsync($"devices/dev1{Version}");
        var stranger = await rig.Client(SimulatorService.Hub).GetAsync($"devices/dev1{Version}");

        Assert.That((answer.StatusCode, stranger.StatusCode), Is.EqualTo((HttpStatusCode.Forbidden, HttpStatusCode.Unauthorized)));
        Assert.That(answer.Headers.GetValues("iothub-errorcode"), Is.EqualTo((string[])["DeviceDisabled"]));
    }

    [Test]
    public async Task Modules_are_made_listed_updated_and_deleted()
    {
        await using var rig = await Rig.StartAsync();
        var client = rig.Client(SimulatorService.Hub, await AssignedAsync(rig, "dev1"));
        var path = $"devices/dev1/modules/agent{Version}";

        var missing = await client.GetAsync(path);
        var made = await JsonAsync(await SendAsync(client, HttpMethod.Put, path, Module("agent", Key(1))));
        var again = await SendAsync(client, HttpMethod.Put, path, Module("agent", Key(2)));
        var updated = await JsonAsync(await SendAsync(client, HttpMethod.Put, path, Module("agent", Key(2)), "*"));
        var list = (await JsonAsync(await client.GetAsync($"devices/dev1/modules{Version}"))).AsArray();
        var stale = await SendAsync(client, HttpMethod.Delete, path, null, $"\"{made["etag"]}\"");
        var deleted = await SendAsync(client, HttpMethod.Delete, path, null, "*");
        var gone = await SendAsync(client, HttpMethod.Delete, path, null, "*");

        Assert.That(((int)missing.StatusCode, (int)again.StatusCode, (int)stale.StatusCode), Is.EqualTo((404, 409, 412)));
        Assert.That(((int)deleted.StatusCode, (int)gone.StatusCode), Is.EqualTo((204, 404)));
        Assert.That((string?)updated["generationId"], Is.EqualTo((string?)made["generationId"]));
        Assert.That((string?)updated["authentication"]!["symmetricKey"]!["primaryKey"], Is.EqualTo(Key(2)));
        Assert.That(list.Select(m => (string?)m!["moduleId"]), Is.EqualTo((string[])["agent"]));
    }

    [Test]
    public async Task A_module_made_anew_has_another_generation()
    {
        await using var rig = await Rig.StartAsync();
        var client = rig.Client(SimulatorService.Hub, await AssignedAsync(rig, "dev1"));
        var path = $"devices/dev1/modules/agent{Version}";

        var first = await JsonAsync(await SendAsync(client, HttpMethod.Put, path, Module("agent", Key(1))));
        await SendAsync(client, HttpMethod.Delete, path, null, "*");
        var second = await JsonAsync(await SendAsync(client, HttpMethod.Put, path, Module("agent", Key(1))));

        Assert.That((string?)second["generationId"], Is.Not.EqualTo((string?)first["generationId"]));
    }

    [TestCase("""{"moduleId":"other"}""")]
    [TestCase("""{"moduleId":"agent","deviceId":"dev2"}""")]
    [TestCase("""{"moduleId":"agent","authentication":{"type":"sas","symmetricKey":{"primaryKey":"c2hvcnQ="}}}""")]
    [TestCase("""{"moduleId":"agent","authentication":{"type":"magic"}}""")]
    [TestCase("no json")]
    public async Task A_module_that_does_not_fit_is_400(string body)
    {
        await using var rig = await Rig.StartAsync();
        var client = rig.Client(SimulatorService.Hub, await AssignedAsync(rig, "dev1"));

        var answer = await SendAsync(client, HttpMethod.Put, $"devices/dev1/modules/agent{Version}", body);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task A_modules_sas_token_is_good_for_its_own_messages_only()
    {
        await using var rig = await Rig.StartAsync();
        var device = rig.Client(SimulatorService.Hub, await AssignedAsync(rig, "dev1"));
        await SendAsync(device, HttpMethod.Put, $"devices/dev1/modules/agent{Version}", Module("agent", Key(1)));
        await SendAsync(device, HttpMethod.Put, $"devices/dev1/modules/hub{Version}", Module("hub", Key(2)));
        var client = rig.Client(SimulatorService.Hub);
        var token = Token($"{HubHost}/devices/dev1/modules/agent", Key(1), rig.Host.Clock.Now.AddMinutes(5));

        var own = await SendAsync(client, HttpMethod.Post, $"devices/dev1/modules/agent/messages/events{Version}", "x", token: token);
        var others = await SendAsync(client, HttpMethod.Post, $"devices/dev1/modules/hub/messages/events{Version}", "x", token: token);
        var devices = await SendAsync(client, HttpMethod.Post, $"devices/dev1/messages/events{Version}", "x", token: token);

        Assert.That(((int)own.StatusCode, (int)others.StatusCode, (int)devices.StatusCode), Is.EqualTo((204, 401, 401)));
    }

    [TestCase("dev1", 1, 5, 200)]
    [TestCase("dev1", 2, 5, 401)]
    [TestCase("dev1", 1, -5, 401)]
    [TestCase("dev", 1, 5, 401)]
    [TestCase("dev2", 1, 5, 401)]
    public async Task A_devices_sas_token_is_verified(string resource, int key, int minutes, int status)
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.Devices.Change("dev1", _ => new HubDevice
        {
            DeviceId = "dev1",
            Hub = HubHost,
            GenerationId = "1",
            Etag = "e",
            Authentication = new HubCredential { Type = "sas", PrimaryKey = Key(1) },
        });
        var token = Token($"{HubHost}/devices/{resource}", Key(key), rig.Host.Clock.Now.AddMinutes(minutes));

        var answer = await SendAsync(rig.Client(SimulatorService.Hub), HttpMethod.Get, $"devices/dev1{Version}", null, token: token);

        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [TestCase("devices/dev1", 400)]
    [TestCase("devices/dev1?api-version=soon", 400)]
    [TestCase("nothing?api-version=2020-09-30", 404)]
    public async Task A_wrong_address_is_refused(string path, int status)
    {
        await using var rig = await Rig.StartAsync();

        var answer = await rig.Client(SimulatorService.Hub, await AssignedAsync(rig, "dev1")).GetAsync(path);

        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    private static async Task<Credential> AssignedAsync(Rig rig, string name)
    {
        var device = await rig.DeviceIdAsync(name);
        await DpsTests.ResultAsync(rig.Client(SimulatorService.Dps, device), name);
        return device;
    }

    private static string Key(byte value) => Convert.ToBase64String(Enumerable.Repeat(value, 32).ToArray());

    private static string Key(int value) => Key((byte)value);

    private static string Module(string id, string key) => new JsonObject
    {
        ["moduleId"] = id,
        ["managedBy"] = "test",
        ["authentication"] = new JsonObject { ["type"] = "sas", ["symmetricKey"] = new JsonObject { ["primaryKey"] = key, ["secondaryKey"] = key } },
    }.ToJsonString();

    private static string Token(string resource, string key, DateTimeOffset expiry)
    {
        var signed = Uri.EscapeDataString(resource);
        var seconds = expiry.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = HMACSHA256.HashData(Convert.FromBase64String(key), Encoding.UTF8.GetBytes($"{signed}\n{seconds}"));
        return $"SharedAccessSignature sr={signed}&sig={Uri.EscapeDataString(Convert.ToBase64String(signature))}&se={seconds}";
    }

    private static async Task<HttpResponseMessage> SendAsync(
        HttpClient client, HttpMethod method, string path, string? body, string? ifMatch = null, string? token = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", token);
        }

        return await client.SendAsync(request);
    }

    private static async Task<JsonNode> JsonAsync(HttpResponseMessage answer) => JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
}
