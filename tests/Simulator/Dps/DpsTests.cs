using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using EstProv.Simulator.Faults;

namespace EstProv.Simulator.Tests.Dps;

internal sealed class DpsTests
{
    private const string Version = "?api-version=2021-06-01";

    [Test]
    public async Task A_device_id_is_assigned_after_as_many_polls_as_told()
    {
        await using var rig = await Rig.StartAsync(o => o with { AssigningPolls = 2, RetryAfter = 3 });
        var client = rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync());

        var registered = await RegisterAsync(client, "dev1");
        var operation = (await JsonAsync(registered))["operationId"]!;
        var states = new List<string>();
        JsonNode last = operation;
        for (var i = 0; i < 3; i++)
        {
            last = await JsonAsync(await client.GetAsync($"0ne00SIMULA/registrations/dev1/operations/{operation}{Version}"));
            states.Add((string)last["status"]!);
        }

        Assert.That((registered.StatusCode, registered.Headers.RetryAfter?.Delta), Is.EqualTo((HttpStatusCode.Accepted, (TimeSpan?)TimeSpan.FromSeconds(3))));
        Assert.That(states, Is.EqualTo((string[])["assigning", "assigning", "assigned"]));
        Assert.That((string?)last["registrationState"]!["assignedHub"], Is.EqualTo("estprov-hub.azure-devices.net"));
        Assert.That((string?)last["registrationState"]!["deviceId"], Is.EqualTo("dev1"));
        Assert.That(rig.Host.Devices.Find("dev1")?.Hub, Is.EqualTo("estprov-hub.azure-devices.net"));
    }

    [Test]
    public async Task Without_a_certificate_it_is_401_in_dps_own_form()
    {
        await using var rig = await Rig.StartAsync();

        var answer = await RegisterAsync(rig.Client(SimulatorService.Dps), "dev1");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        var body = await JsonAsync(answer);
        Assert.That((int?)body["errorCode"], Is.EqualTo(401002));
        Assert.That((string?)body["message"], Is.EqualTo("Unauthorized"));
        Assert.That(Guid.TryParse((string?)body["trackingId"], out _), Is.True);
        Assert.That((DateTime?)body["timestampUtc"], Is.Not.Null);
    }

    [Test]
    public async Task Only_what_comes_under_the_enrolled_ca_is_attested()
    {
        await using var rig = await Rig.StartAsync();
        var estId = await rig.EnrollAsync("est-id", "CN=dev1", rig.Bootstrap());
        var stranger = rig.Bootstrap(authority: rig.Pki.NewStranger(rig.Host.Clock.Now));

        // The root is the same, the CA between is not the enrolled one.
        var withItsAuthority = new Credential(estId.Certificate, rig.Pki.Identity.Certificate);

        foreach (var credential in (Credential[])[estId, withItsAuthority, rig.Bootstrap(), stranger])
        {
            var answer = await RegisterAsync(rig.Client(SimulatorService.Dps, credential), "dev1");
            Assert.That((string?)(await JsonAsync(answer))["message"], Is.EqualTo("Invalid certificate."), credential.Certificate.Issuer);
        }

        Assert.That(rig.Host.Devices.All, Is.Empty);
    }

    [Test]
    public async Task The_common_name_must_be_the_registration_id_in_any_case()
    {
        await using var rig = await Rig.StartAsync();
        var client = rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync("dev1"));

        var other = await RegisterAsync(client, "dev2");
        var upper = await RegisterAsync(client, "DEV1");

        Assert.That((other.StatusCode, upper.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.Accepted)));
    }

    [Test]
    public async Task A_locally_minted_device_id_needs_its_device_ca_sent_along()
    {
        await using var rig = await Rig.StartAsync();
        var estId = await rig.EnrollAsync("est-id", "CN=dev1", rig.Bootstrap());
        var authority = await rig.EnrollAsync("device-ca", "CN=dev1 CA", estId);
        var now = rig.Host.Clock.Now;

        var alone = await RegisterAsync(rig.Client(SimulatorService.Dps, authority.Mint("dev1", now, sendAuthority: false)), "dev1");
        var complete = await RegisterAsync(rig.Client(SimulatorService.Dps, authority.Mint("dev1", now)), "dev1");

        Assert.That((alone.StatusCode, complete.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.Accepted)));
    }

    [Test]
    public async Task A_leaf_minted_by_a_device_id_is_refused()
    {
        await using var rig = await Rig.StartAsync();
        var device = await rig.DeviceIdAsync("dev1");
        var minted = device.Mint("dev2", rig.Host.Clock.Now);

        var answer = await RegisterAsync(rig.Client(SimulatorService.Dps, minted), "dev2");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task An_expired_device_id_is_refused()
    {
        await using var rig = await Rig.StartAsync(o => o with { Validity = 60 });
        var device = await rig.DeviceIdAsync();
        rig.Host.Clock.Offset = TimeSpan.FromMinutes(10);

        var answer = await RegisterAsync(rig.Client(SimulatorService.Dps, device), "dev1");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [TestCase("0ne00SIMULA/registrations/dev1/register", 400)]
    [TestCase("0ne00SIMULA/registrations/dev1/register?api-version=1999-01-01", 400)]
    [TestCase("0ne00OTHER/registrations/dev1/register?api-version=2021-06-01", 404)]
    [TestCase("0ne00SIMULA/registrations/-dev1/register?api-version=2021-06-01", 400)]
    [TestCase("0ne00SIMULA/registrations?api-version=2021-06-01", 404)]
    public async Task A_wrong_address_is_refused(string path, int status)
    {
        await using var rig = await Rig.StartAsync();

        var answer = await PutAsync(rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync()), path, """{"registrationId":"dev1"}""");

        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [TestCase("")]
    [TestCase("[]")]
    [TestCase("""{"registrationId":"dev2"}""")]
    public async Task A_wrong_body_is_400(string body)
    {
        await using var rig = await Rig.StartAsync();

        var answer = await PutAsync(rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync()), $"0ne00SIMULA/registrations/dev1/register{Version}", body);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task States_other_than_assigned_come_on_demand([Values("failed", "disabled", "unassigned")] string state)
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.DpsState, State = state, Count = 1 });
        var client = rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync());

        var first = await ResultAsync(client, "dev1");
        var none = rig.Host.Devices.Find("dev1");
        var second = await ResultAsync(client, "dev1");

        Assert.That((string?)first["status"], Is.EqualTo(state));
        Assert.That((int?)first["registrationState"]!["errorCode"], state == "failed" ? Is.EqualTo(400207) : Is.Null);
        Assert.That(none, Is.Null);
        Assert.That((string?)second["status"], Is.EqualTo("assigned"));
    }

    [Test]
    public async Task The_look_up_tells_what_was_registered()
    {
        await using var rig = await Rig.StartAsync();
        var client = rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync());
        using var empty = new StringContent("{}", Encoding.UTF8, "application/json");

        var before = await client.PostAsync($"0ne00SIMULA/registrations/dev1{Version}", empty);
        await ResultAsync(client, "dev1");
        await rig.RestartAsync();
        var restarted = rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync());
        var after = await restarted.PostAsync($"0ne00SIMULA/registrations/dev1{Version}", empty);

        Assert.That(before.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((string?)(await JsonAsync(after))["status"], Is.EqualTo("assigned"));
    }

    [Test]
    public async Task A_second_registration_says_so_and_may_move_to_another_hub()
    {
        await using var rig = await Rig.StartAsync(o => o with { HubHosts = ["one.example", "two.example"] });
        var client = rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync());

        var first = await ResultAsync(client, "dev1");
        var second = await ResultAsync(client, "dev1");
        rig.Host.Registrations.Assign("dev1", "two.example");
        var third = await ResultAsync(client, "dev1");

        Assert.That((string?)first["registrationState"]!["substatus"], Is.EqualTo("initialAssignment"));
        Assert.That((string?)second["registrationState"]!["substatus"], Is.EqualTo("reprovisionedToInitialAssignment"));
        Assert.That((string?)third["registrationState"]!["assignedHub"], Is.EqualTo("two.example"));
        Assert.That(rig.Host.Devices.Find("dev1")?.Hub, Is.EqualTo("two.example"));
    }

    [Test]
    public async Task Another_ca_can_be_enrolled_instead()
    {
        await using var rig = await Rig.StartAsync();
        var stranger = rig.Pki.NewStranger(rig.Host.Clock.Now);
        rig.Host.SetTrust(SimulatorService.Dps, [stranger.Certificate]);

        var before = await RegisterAsync(rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync()), "dev1");
        var after = await RegisterAsync(rig.Client(SimulatorService.Dps, rig.Bootstrap(authority: stranger)), "dev1");

        Assert.That((before.StatusCode, after.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.Accepted)));
    }

    [Test]
    public async Task An_operation_is_not_shown_to_another_device()
    {
        await using var rig = await Rig.StartAsync();
        var operation = (await JsonAsync(await RegisterAsync(rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync("dev1")), "dev1")))["operationId"];
        var other = rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync("dev2"));

        var answer = await other.GetAsync($"0ne00SIMULA/registrations/dev2/operations/{operation}{Version}");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    internal static async Task<JsonNode> ResultAsync(HttpClient client, string id)
    {
        var operation = (await JsonAsync(await RegisterAsync(client, id)))["operationId"];
        for (var polls = 0; ; polls++)
        {
            Assert.That(polls, Is.LessThan(10));
            var answer = await JsonAsync(await client.GetAsync($"0ne00SIMULA/registrations/{id}/operations/{operation}{Version}"));
            if ((string?)answer["status"] != "assigning")
            {
                return answer;
            }
        }
    }

    private static Task<HttpResponseMessage> RegisterAsync(HttpClient client, string id)
        => PutAsync(client, $"0ne00SIMULA/registrations/{id}/register{Version}", $$"""{"registrationId":"{{id}}"}""");

    private static async Task<HttpResponseMessage> PutAsync(HttpClient client, string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        return await client.PutAsync(path, content);
    }

    private static async Task<JsonNode> JsonAsync(HttpResponseMessage answer) => JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
}
