using EstProv.Simulator.Dps;

namespace EstProv.Simulator.Tests.Dps;

/// <summary>learn.microsoft.com/azure/iot-dps/concepts-device-reprovision; substatus after …/rest/api/iot-dps/device/runtime-registration/register-device.</summary>
internal sealed class ReprovisionTests
{
    [TestCase(ReprovisionPolicy.Migrate, "deviceDataMigrated", false)]
    [TestCase(ReprovisionPolicy.Reset, "deviceDataReset", true)]
    [TestCase(null, "deviceDataMigrated", false)]
    public async Task A_device_moves_to_another_hub_with_its_state_or_without(ReprovisionPolicy? policy, string substatus, bool iotEdge)
    {
        await using var rig = await Rig.StartAsync(o => o with { HubHosts = ["one.example", "two.example"] });
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1) with { Reprovision = policy });
        var client = rig.Client(SimulatorService.Dps);
        var token = Cloud.DpsToken(rig, "dev1", Cloud.Key(1));

        await Cloud.ResultAsync(client, "dev1", token);
        var before = rig.Host.Devices.Change("dev1", d => d! with { IotEdge = false })!;
        rig.Host.Registrations.Assign("dev1", "two.example");
        var moved = await Cloud.ResultAsync(client, "dev1", token);
        var after = rig.Host.Devices.Find("dev1")!;
        var again = await Cloud.ResultAsync(client, "dev1", token);

        Assert.That((string?)moved["registrationState"]!["substatus"], Is.EqualTo(substatus));
        Assert.That((string?)moved["registrationState"]!["assignedHub"], Is.EqualTo("two.example"));
        Assert.That((after.Hub, after.IotEdge), Is.EqualTo(("two.example", iotEdge)));
        Assert.That(after.GenerationId, Is.Not.EqualTo(before.GenerationId));
        Assert.That((string?)again["registrationState"]!["substatus"], Is.EqualTo("reprovisionedToInitialAssignment"));
    }

    [Test]
    public async Task Under_never_the_first_assignment_stays_and_the_hub_is_told_nothing()
    {
        await using var rig = await Rig.StartAsync(o => o with { HubHosts = ["one.example", "two.example"] });
        rig.Host.Enrollments.Put(new DpsEnrollment { EnrollmentGroupId = DpsEnrollment.BuiltInGroup, Reprovision = ReprovisionPolicy.Never });
        var first = await rig.DeviceIdAsync("dev1");
        await Cloud.ResultAsync(rig.Client(SimulatorService.Dps, first), "dev1");
        rig.Host.Registrations.Assign("dev1", "two.example");
        var before = rig.Host.Devices.Find("dev1");

        var second = await Cloud.ResultAsync(rig.Client(SimulatorService.Dps, await rig.DeviceIdAsync("dev1")), "dev1");

        Assert.That((string?)second["registrationState"]!["assignedHub"], Is.EqualTo("one.example"));
        Assert.That(rig.Host.Devices.Find("dev1"), Is.SameAs(before));
    }

    [TestCase("2018-04-01", "one.example")]
    [TestCase("2018-11-01", "two.example")]
    public async Task A_client_older_than_the_policies_stays_where_none_is_set(string version, string hub)
    {
        await using var rig = await Rig.StartAsync(o => o with { HubHosts = ["one.example", "two.example"] });
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1));
        var client = rig.Client(SimulatorService.Dps);
        var token = Cloud.DpsToken(rig, "dev1", Cloud.Key(1));

        await Cloud.ResultAsync(client, "dev1", token, version: "?api-version=" + version);
        rig.Host.Registrations.Assign("dev1", "two.example");
        var second = await Cloud.ResultAsync(client, "dev1", token, version: "?api-version=" + version);

        Assert.That((string?)second["registrationState"]!["assignedHub"], Is.EqualTo(hub));
    }
}
