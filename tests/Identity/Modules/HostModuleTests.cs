using EstProv.Configuration.Identityd;
using EstProv.Identity.Modules;
using EstProv.Identity.Tests.Support;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Hub;

namespace EstProv.Identity.Tests.Modules;

/// <summary>The hub's modules as the principals say.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class HostModuleTests : IDisposable
{
    private readonly ModuleWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Test]
    public async Task Modules_of_principals_are_made_once()
    {
        Want("firmware", "updater");
        await Step();
        Assert.That(Names(), Is.EqualTo(new[] { "firmware", "updater" }));
        var handle = _world.Modules.Keys.Handle("firmware", _world.Find("firmware")!.GenerationId);
        Assert.That(_world.SendAs("firmware", handle), Is.EqualTo(204));
        var sent = _world.Simulator.Recorder.Requests().Count;
        await Step();
        Assert.That(_world.Simulator.Recorder.Requests(), Has.Count.EqualTo(sent), "nothing has changed");
        _world.Restart();
        await Step();
        Assert.That(_world.Simulator.Recorder.Requests(), Has.Count.EqualTo(sent + 1), "a start looks at the list and leaves it so");
        Assert.That(_world.SendAs("firmware", handle), Is.EqualTo(204));
    }

    [Test]
    public async Task Without_such_principals_the_hub_is_not_asked()
    {
        _world.Principals = [new IdentityPrincipal { Uid = 1, Name = "runtime", IdTypes = [] }, new IdentityPrincipal { Uid = 2, Name = "agent", IdTypes = ["device", "local"] }];
        await Step();
        Assert.That(_world.Simulator.Recorder.Requests(), Is.Empty);
    }

    [Test]
    public async Task A_principal_that_is_gone_takes_its_module_along_and_no_other()
    {
        Want("firmware", "updater");
        await Step();
        await _world.Modules.Service.CreateAsync("by-a-manager", null, default);
        Want("updater");
        _world.Restart();
        await Step();
        Assert.That(Names(), Is.EqualTo(new[] { "by-a-manager", "updater" }));
    }

    [Test]
    public async Task A_module_that_somebody_else_made_is_used_and_left_when_its_principal_is_gone()
    {
        await _world.Modules.Service.CreateAsync("firmware", null, default);
        var generation = _world.Find("firmware")!.GenerationId;
        Want("firmware");
        await Step();
        Want();
        await Step();
        Assert.That(_world.Find("firmware")!.GenerationId, Is.EqualTo(generation));
    }

    [Test]
    public async Task One_whose_answer_was_lost_is_known_to_be_ours()
    {
        Want("firmware");
        var fault = _world.Simulator.AddFault(new FaultRule { Kind = FaultKind.HalfAnswer, Service = SimulatorService.Hub, Route = "module" });
        await Step();
        Assert.That(Names(), Is.EqualTo(new[] { "firmware" }), "the hub has done it");
        _world.Simulator.Faults.Remove(fault);
        _world.Restart();
        Want();
        await Step();
        Assert.That(Names(), Is.Empty);
    }

    [Test]
    public async Task One_that_is_asked_for_while_it_is_being_made_is_known_to_be_ours()
    {
        Want("firmware");
        var fault = _world.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Hub, Route = "module" });
        await Step();
        _world.Simulator.Faults.Remove(fault);
        _world.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(async () => await _world.Modules.Service.GetAsync("firmware", default),
            Throws.InstanceOf<ProblemException>().With.Property("Code").EqualTo("module_not_found"));
        Assert.That((await _world.Modules.Service.ListAsync(default)).Modules, Is.Empty);

        // The request was on its way, and arrives.
        var keyless = new HubCredential { Type = "none" };
        var made = new HubModule { ModuleId = "firmware", GenerationId = "7", Etag = "7", Authentication = keyless };
        _world.Simulator.Devices.Change(ModuleWorld.DeviceId, before => before! with { Modules = [made] });
        _world.Restart();
        Want();
        await Step();
        Assert.That(Names(), Is.Empty);
    }

    [Test]
    public async Task One_that_was_removed_in_the_hub_is_made_again_at_the_next_start()
    {
        Want("firmware");
        await Step();
        _world.Simulator.Devices.Change(ModuleWorld.DeviceId, static before => before! with { Modules = [] });
        _world.Restart();
        await Step();
        Assert.That(_world.SendAs("firmware", _world.Modules.Keys.Handle("firmware", _world.Find("firmware")!.GenerationId)), Is.EqualTo(204));
    }

    [Test]
    public async Task Of_a_device_that_was_removed_and_registered_again_they_are_made_again()
    {
        Want("firmware");
        await Step();
        _world.Simulator.Devices.Change(ModuleWorld.DeviceId, static before => before! with { Modules = [] });
        await Step();
        Assert.That(Names(), Is.Empty, "nobody has told that the device is another one");
        _world.Status.Update(static now => now with { Reprovisions = now.Reprovisions + 1 });
        await Step();
        Assert.That(Names(), Is.EqualTo(new[] { "firmware" }));
    }

    [Test]
    public async Task A_lost_master_key_is_replaced_and_the_modules_get_keys_of_the_new_one()
    {
        Want("firmware");
        await Step();
        _world.Keyd.Delete(ModuleKeys.MasterKeyId);
        _world.Restart();
        await Step();
        Assert.That(_world.SendAs("firmware", _world.Modules.Keys.Handle("firmware", _world.Find("firmware")!.GenerationId)), Is.EqualTo(204));
    }

    [Test]
    public async Task A_failure_is_tried_again_after_growing_gaps_and_not_before()
    {
        Want("firmware");
        var fault = _world.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Status = 503, Service = SimulatorService.Hub });
        var first = await Step();
        Assert.That(first, Is.EqualTo(TimeSpan.FromSeconds(5)).Within(TimeSpan.FromSeconds(1)));
        var sent = _world.Simulator.Recorder.Requests().Count;
        await Step();
        Assert.That(_world.Simulator.Recorder.Requests(), Has.Count.EqualTo(sent));
        _world.Time.Advance(first);
        Assert.That(await Step(), Is.EqualTo(TimeSpan.FromSeconds(10)).Within(TimeSpan.FromSeconds(2)));
        _world.Simulator.Faults.Remove(fault);
        _world.Time.Advance(TimeSpan.FromSeconds(12));
        await Step();
        Assert.That(Names(), Is.EqualTo(new[] { "firmware" }));
    }

    [Test]
    public async Task One_module_that_the_hub_does_not_take_keeps_no_other_from_being_made()
    {
        Want("a", "b");
        _world.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Status = 400, Service = SimulatorService.Hub, Route = "module", Count = 1, Body = "{}" });
        await Step();
        Assert.That(Names(), Is.EqualTo(new[] { "b" }));
    }

    private Task<TimeSpan> Step() => _world.Modules.Hosts.StepAsync(default);

    private IEnumerable<string> Names() => _world.InHub.Select(static module => module.ModuleId).Order(StringComparer.Ordinal);

    private void Want(params string[] names) => _world.Principals = [.. names.Select(static name => new IdentityPrincipal { Uid = 1, Name = name, IdTypes = ["module"] })];
}
