using System.Net;
using System.Text.Json.Nodes;
using EstProv.Simulator.Dps;

namespace EstProv.Simulator.Tests.Dps;

/// <summary>learn.microsoft.com/azure/iot-dps/concepts-symmetric-key-attestation and …/how-to-control-access.</summary>
internal sealed class SymmetricKeyTests
{
    private static readonly string GroupKey = Cloud.Key(40);

    [Test]
    public async Task A_device_registers_by_either_key_of_its_enrolment_and_its_hub_knows_both([Values(1, 2)] int key)
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1));

        var result = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps), "dev1", Cloud.DpsToken(rig, "dev1", Cloud.Key(key)));
        var token = Cloud.HubToken(rig, "dev1", Cloud.Key(key));
        var device = await Cloud.SendAsync(rig.Client(SimulatorService.Hub), HttpMethod.Get, $"devices/dev1{Cloud.HubVersion}", token: token);

        Assert.That((string?)result["status"], Is.EqualTo("assigned"));
        Assert.That((string?)result["registrationState"]!["deviceId"], Is.EqualTo("dev1"));
        Assert.That(result["registrationState"]!["symmetricKey"]!.AsObject(), Is.Empty);
        Assert.That(result["registrationState"]!["x509"], Is.Null);
        Assert.That(device.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((string?)(await Cloud.JsonAsync(device))["authentication"]!["symmetricKey"]!["secondaryKey"], Is.EqualTo(Cloud.Key(2)));
    }

    [Test]
    public async Task The_keys_of_a_groups_devices_are_derived_from_their_registration_ids()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.Enrollments.Put(Group("line-a"));
        var key = Cloud.Derive(GroupKey, "dev1");

        var result = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps), "dev1", Cloud.DpsToken(rig, "dev1", key));
        var token = Cloud.HubToken(rig, "dev1", key);
        var device = await Cloud.SendAsync(rig.Client(SimulatorService.Hub), HttpMethod.Get, $"devices/dev1{Cloud.HubVersion}", token: token);
        var others = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps), "dev2", Cloud.DpsToken(rig, "dev2", key));
        var groups = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps), "dev2", Cloud.DpsToken(rig, "dev2", GroupKey));

        Assert.That((string?)result["registrationState"]!["symmetricKey"]!["enrollmentGroupId"], Is.EqualTo("line-a"));
        Assert.That(device.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((others.StatusCode, groups.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized)));
    }

    [Test]
    public async Task Of_several_groups_the_one_that_fits_is_taken()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.Enrollments.Put(Group("line-a") with { PrimaryKey = Cloud.Key(50), SecondaryKey = Cloud.Key(51) });
        rig.Host.Enrollments.Put(Group("line-b"));

        var result = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps), "dev1", Cloud.DpsToken(rig, "dev1", Cloud.Derive(GroupKey, "dev1")));

        Assert.That((string?)result["registrationState"]!["symmetricKey"]!["enrollmentGroupId"], Is.EqualTo("line-b"));
    }

    [TestCase("0ne00SIMULA/registrations/dev1", "registration", 3, 60, TestName = "A_token_is_refused: signed with another key")]
    [TestCase("0ne00SIMULA/registrations/dev2", "registration", 1, 60, TestName = "A_token_is_refused: for another device")]
    [TestCase("0ne00OTHER/registrations/dev1", "registration", 1, 60, TestName = "A_token_is_refused: for another scope")]
    [TestCase("0ne00SIMULA", "registration", 1, 60, TestName = "A_token_is_refused: for the whole scope")]
    [TestCase("0ne00SIMULA/registrations/dev1", "registration", 1, -1, TestName = "A_token_is_refused: expired")]
    [TestCase("0ne00SIMULA/registrations/dev1", "enrollmentread", 1, 60, TestName = "A_token_is_refused: of another policy")]
    [TestCase("0ne00SIMULA/registrations/dev1", null, 1, 60, TestName = "A_token_is_refused: without skn")]
    public async Task A_token_is_refused(string resource, string? keyName, int key, int minutes)
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1));
        var token = Cloud.Token(resource, Cloud.Key(key), rig.Host.Clock.Now.AddMinutes(minutes), keyName);

        var answer = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps), "dev1", token);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That((int?)(await Cloud.JsonAsync(answer))["errorCode"], Is.EqualTo(401002));
        Assert.That(rig.Host.Registrations.Find("dev1"), Is.Null);
    }

    [TestCase("Bearer abc")]
    [TestCase("SharedAccessSignature sr=0ne00SIMULA%2Fregistrations%2Fdev1&se=4102444800&skn=registration")]
    [TestCase("SharedAccessSignature sr=0ne00SIMULA%2Fregistrations%2Fdev1&sig=%%%&se=4102444800&skn=registration")]
    [TestCase("SharedAccessSignature sr=0ne00SIMULA%2Fregistrations%2Fdev1&sig=AAAA&se=soon&skn=registration")]
    public async Task What_is_no_token_is_refused(string header)
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1));

        var answer = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps), "dev1", header);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task The_payload_of_a_custom_allocation_goes_both_ways()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1) with { Payload = JsonNode.Parse("""{"ring":"canary","n":[1,2]}""") });

        var result = await Cloud.ResultAsync(
            rig.Client(SimulatorService.Dps), "dev1", Cloud.DpsToken(rig, "dev1", Cloud.Key(1)), JsonNode.Parse("""{"model":"dtmi:example:pump;1"}"""));

        Assert.That(result["registrationState"]!["payload"]!.ToJsonString(), Is.EqualTo("""{"ring":"canary","n":[1,2]}"""));
        Assert.That(rig.Host.Registrations.Find("dev1")?.RequestPayload?.ToJsonString(), Is.EqualTo("""{"model":"dtmi:example:pump;1"}"""));
    }

    [Test]
    public async Task Enrolments_and_registrations_survive_a_restart()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1) with { Payload = JsonNode.Parse("[1]") });
        await Cloud.ResultAsync(rig.Client(SimulatorService.Dps), "dev1", Cloud.DpsToken(rig, "dev1", Cloud.Key(1)));

        await rig.RestartAsync();
        var state = await Cloud.SendAsync(
            rig.Client(SimulatorService.Dps),
            HttpMethod.Post,
            $"{Cloud.Scope}/registrations/dev1{Cloud.DpsVersion}",
            "{}",
            Cloud.DpsToken(rig, "dev1", Cloud.Key(1)));
        var mode = File.GetUnixFileMode(Path.Combine(rig.Folder, "enrollments.json"));

        Assert.That((string?)(await Cloud.JsonAsync(state))["payload"]?.ToJsonString(), Is.EqualTo("[1]"));
        Assert.That(mode, Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    private static DpsEnrollment Group(string id)
        => new() { EnrollmentGroupId = id, Attestation = DpsAttestationType.SymmetricKey, PrimaryKey = GroupKey, SecondaryKey = Cloud.Key(41) };
}
