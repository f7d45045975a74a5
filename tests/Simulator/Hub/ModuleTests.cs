using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace EstProv.Simulator.Tests.Hub;

/// <summary>
/// learn.microsoft.com/rest/api/iothub/service/modules: create-or-update-identity, get-identity, get-modules-on-device, delete-identity; error codes
/// after learn.microsoft.com/azure/iot-hub/troubleshoot-error-codes, limits after …/iot-hub-devguide-quotas-throttling and …/iot-hub-devguide-module-twins.
/// </summary>
internal sealed class ModuleTests
{
    [Test]
    public async Task Without_if_match_a_module_is_created_and_a_second_time_it_is_409()
    {
        await using var rig = await StartAsync();

        var made = await PutAsync(rig, "agent");
        var again = await PutAsync(rig, "agent");

        Assert.That((made.StatusCode, again.StatusCode), Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.Conflict)));
        Assert.That(again.Headers.GetValues("iothub-errorcode"), Is.EqualTo((string[])["ModuleAlreadyExistsOnDevice"]));
        var body = await Cloud.JsonAsync(again);
        Assert.That((int?)body["errorCode"], Is.EqualTo(409301));
        Assert.That((string?)body["message"], Is.EqualTo("Device dev1 in IotHub estprov-hub already contains Module agent."));
    }

    [Test]
    public async Task With_if_match_a_module_is_updated_where_the_etag_is_its_own()
    {
        await using var rig = await StartAsync();
        var made = await Cloud.JsonAsync(await PutAsync(rig, "agent"));

        var right = await PutAsync(rig, "agent", $"\"{made["etag"]}\"");
        var stale = await PutAsync(rig, "agent", $"\"{made["etag"]}\"");
        var weak = await PutAsync(rig, "agent", $"W/\"{(await Cloud.JsonAsync(right))["etag"]}\"");
        var any = await PutAsync(rig, "agent", "*");

        Assert.That(
            (right.StatusCode, stale.StatusCode, weak.StatusCode, any.StatusCode),
            Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.PreconditionFailed, HttpStatusCode.OK, HttpStatusCode.OK)));
        Assert.That((string?)(await Cloud.JsonAsync(stale))["Message"], Does.StartWith("ErrorCode:PreconditionFailed;"));
        Assert.That((string?)(await Cloud.JsonAsync(any))["generationId"], Is.EqualTo((string?)made["generationId"]));
    }

    [TestCase("*", 412)]
    [TestCase("\"AAAA\"", 412)]
    [TestCase("AAAA", 400)]
    [TestCase("\"a\", \"b", 400)]
    public async Task If_match_holds_of_no_module_that_is_not_there(string ifMatch, int status)
    {
        await using var rig = await StartAsync();

        var answer = await PutAsync(rig, "agent", ifMatch);

        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        Assert.That(rig.Host.Devices.Find("dev1")!.Modules, Is.Empty);
    }

    [Test]
    public async Task Deleting_wants_if_match()
    {
        await using var rig = await StartAsync();
        var made = await Cloud.JsonAsync(await PutAsync(rig, "agent"));

        var without = await DeleteAsync(rig, "agent", null);
        var stale = await DeleteAsync(rig, "agent", "\"AAAA\"");
        var right = await DeleteAsync(rig, "agent", $"\"{made["etag"]}\"");
        var gone = await DeleteAsync(rig, "agent", "*");

        Assert.That(
            (without.StatusCode, stale.StatusCode, right.StatusCode, gone.StatusCode),
            Is.EqualTo((HttpStatusCode.PreconditionFailed, HttpStatusCode.PreconditionFailed, HttpStatusCode.NoContent, HttpStatusCode.NotFound)));
        Assert.That(gone.Headers.GetValues("iothub-errorcode"), Is.EqualTo((string[])["ModuleNotFound"]));
    }

    [Test]
    public async Task Get_tells_the_etag_in_body_and_header()
    {
        await using var rig = await StartAsync();
        var made = await Cloud.JsonAsync(await PutAsync(rig, "agent"));

        var answer = await AskAsync(rig, HttpMethod.Get, "devices/dev1/modules/agent");
        var missing = await AskAsync(rig, HttpMethod.Get, "devices/dev1/modules/other");

        var body = await Cloud.JsonAsync(answer);
        Assert.That(body.ToJsonString(), Is.EqualTo(made.ToJsonString()));
        Assert.That(answer.Headers.ETag?.Tag, Is.EqualTo($"\"{made["etag"]}\""));
        Assert.That(body.AsObject().Select(p => p.Key), Is.SupersetOf((string[])["moduleId", "deviceId", "generationId", "etag", "authentication", "managedBy"]));
        Assert.That(missing.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task The_list_has_the_devices_modules_in_the_order_they_were_made()
    {
        await using var rig = await StartAsync();
        var empty = await Cloud.JsonAsync(await AskAsync(rig, HttpMethod.Get, "devices/dev1/modules"));
        foreach (var name in (string[])["$edgeAgent", "$edgeHub", "pump"])
        {
            await PutAsync(rig, name);
        }

        var list = await Cloud.JsonAsync(await AskAsync(rig, HttpMethod.Get, "devices/dev1/modules"));

        Assert.That(empty.AsArray(), Is.Empty);
        Assert.That(list.AsArray().Select(m => (string?)m!["moduleId"]), Is.EqualTo((string[])["$edgeAgent", "$edgeHub", "pump"]));
    }

    [Test]
    public async Task A_device_has_fifty_modules_and_no_more()
    {
        await using var rig = await StartAsync();
        var statuses = new List<int>();
        for (var i = 0; i < 51; i++)
        {
            statuses.Add((int)(await PutAsync(rig, "m" + i)).StatusCode);
        }

        var update = await PutAsync(rig, "m7", "*");

        Assert.That(statuses.Take(50), Is.All.EqualTo(200));
        Assert.That(statuses[50], Is.EqualTo(413));
        Assert.That(update.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [TestCase("with space")]
    [TestCase("ümlaut")]
    [TestCase("129")]
    public async Task A_name_that_is_no_module_id_is_400(string name)
    {
        await using var rig = await StartAsync();

        var answer = await PutAsync(rig, name == "129" ? new string('m', 129) : name);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task Keys_that_are_not_given_are_made()
    {
        await using var rig = await StartAsync();

        var body = await Cloud.JsonAsync(await PutAsync(rig, "agent"));

        var keys = body["authentication"]!["symmetricKey"]!;
        Assert.That(Convert.FromBase64String((string)keys["primaryKey"]!), Has.Length.EqualTo(32));
        Assert.That((string?)keys["secondaryKey"], Is.Not.EqualTo((string?)keys["primaryKey"]));
    }

    [Test]
    public async Task A_module_with_a_certificate_reads_itself_and_sends_and_does_no_more()
    {
        await using var rig = await StartAsync();
        var credential = rig.Bootstrap("anything");
        var thumbprint = credential.Certificate.GetCertHashString(HashAlgorithmName.SHA256);
        await PutAsync(rig, "agent", authentication: $$$"""{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"{{{thumbprint}}}"}}""");
        var client = rig.Client(SimulatorService.Hub, credential);

        Assert.That(await StatusesAsync(client, null), Is.EqualTo((int[])[200, 204, 401, 401, 401, 401]));
    }

    [Test]
    public async Task A_module_with_a_key_reads_itself_and_sends_and_does_no_more()
    {
        await using var rig = await StartAsync();
        await PutAsync(rig, "agent", authentication: $$$"""{"type":"sas","symmetricKey":{"primaryKey":"{{{Cloud.Key(9)}}}"}}""");

        Assert.That(
            await StatusesAsync(rig.Client(SimulatorService.Hub), Cloud.HubToken(rig, "dev1/modules/agent", Cloud.Key(9))),
            Is.EqualTo((int[])[200, 204, 401, 401, 401, 401]));
    }

    [Test]
    public async Task A_module_under_a_ca_is_known_by_both_names_in_its_common_name()
    {
        await using var rig = await StartAsync();
        await PutAsync(rig, "agent", authentication: """{"type":"certificateAuthority"}""");

        var right = await rig.Client(SimulatorService.Hub, await rig.DeviceIdAsync("dev1/agent")).GetAsync($"devices/dev1/modules/agent{Cloud.HubVersion}");
        var wrong = await rig.Client(SimulatorService.Hub, await rig.DeviceIdAsync("dev1")).GetAsync($"devices/dev1/modules/agent{Cloud.HubVersion}");

        Assert.That((right.StatusCode, wrong.StatusCode), Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.Unauthorized)));
    }

    [TestCase("""{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"12AB"}}""")]
    [TestCase("""{"type":"sas","symmetricKey":{"primaryKey":"no base64"}}""")]
    [TestCase("""{"type":7}""")]
    public async Task A_credential_that_does_not_fit_is_400(string authentication)
    {
        await using var rig = await StartAsync();

        Assert.That((await PutAsync(rig, "agent", authentication: authentication)).StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task A_device_cannot_change_itself_in_the_registry()
    {
        await using var rig = await StartAsync();

        var put = await AskAsync(rig, HttpMethod.Put, "devices/dev1", """{"deviceId":"dev1","status":"enabled"}""");
        var delete = await AskAsync(rig, HttpMethod.Delete, "devices/dev1", ifMatch: "*");

        Assert.That((put.StatusCode, delete.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized)));
    }

    [Test]
    public async Task A_token_of_a_policy_is_no_devices()
    {
        await using var rig = await StartAsync();
        var token = Cloud.Token($"{Cloud.HubHost}/devices/dev1", Cloud.Key(1), rig.Host.Clock.Now.AddHours(1), "iothubowner");

        var answer = await Cloud.SendAsync(rig.Client(SimulatorService.Hub), HttpMethod.Get, $"devices/dev1{Cloud.HubVersion}", token: token);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    /// <summary>Of the module agent: get, send; change, delete, list; the device.</summary>
    private static async Task<int[]> StatusesAsync(HttpClient client, string? token)
    {
        var statuses = new List<int>();
        foreach (var (method, path, body) in new (string, string, string?)[]
        {
            ("GET", "devices/dev1/modules/agent", null),
            ("POST", "devices/dev1/modules/agent/messages/events", "x"),
            ("PUT", "devices/dev1/modules/agent", """{"moduleId":"agent"}"""),
            ("DELETE", "devices/dev1/modules/agent", null),
            ("GET", "devices/dev1/modules", null),
            ("GET", "devices/dev1", null),
        })
        {
            var answer = await Cloud.SendAsync(client, new HttpMethod(method), path + Cloud.HubVersion, body, token, method == "GET" ? null : "*");
            statuses.Add((int)answer.StatusCode);
        }

        return [.. statuses];
    }

    private static async Task<Rig> StartAsync()
    {
        var rig = await Rig.StartAsync();
        Cloud.AddDevice(rig, "dev1", 1);
        return rig;
    }

    private static Task<HttpResponseMessage> AskAsync(Rig rig, HttpMethod method, string path, string? body = null, string? ifMatch = null)
        => Cloud.SendAsync(rig.Client(SimulatorService.Hub), method, path + Cloud.HubVersion, body, Cloud.HubToken(rig, "dev1", Cloud.Key(1)), ifMatch);

    private static Task<HttpResponseMessage> PutAsync(Rig rig, string name, string? ifMatch = null, string? authentication = null)
    {
        var body = new JsonObject { ["moduleId"] = name, ["managedBy"] = "test" };
        if (authentication is not null)
        {
            body["authentication"] = JsonNode.Parse(authentication);
        }

        return AskAsync(rig, HttpMethod.Put, "devices/dev1/modules/" + Uri.EscapeDataString(name), body.ToJsonString(), ifMatch);
    }

    private static Task<HttpResponseMessage> DeleteAsync(Rig rig, string name, string? ifMatch)
        => AskAsync(rig, HttpMethod.Delete, "devices/dev1/modules/" + name, ifMatch: ifMatch);
}
