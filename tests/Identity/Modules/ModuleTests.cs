using System.Security.Cryptography;
using EstProv.Identity.Modules;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Hub;

namespace EstProv.Identity.Tests.Modules;

/// <summary>Module identities in a hub on real TLS, with keys of the real Key Service.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ModuleTests : IDisposable
{
    private readonly ModuleWorld _world = new();

    private ModuleService Service => _world.Modules.Service;

    public void Dispose() => _world.Dispose();

    [Test]
    public async Task A_created_module_is_accepted_by_the_hub_with_its_handle_alone()
    {
        var made = await Service.CreateAsync("$edgeAgent", "IotEdge", default);
        Assert.That(_world.SendAs("$edgeAgent", _world.HandleOf(made)), Is.EqualTo(204));
        var inHub = _world.Find("$edgeAgent")!;
        Assert.That((made.GenerationId, made.Age), Is.EqualTo((inHub.GenerationId, (TimeSpan?)null)));
        Assert.That(inHub.ManagedBy, Is.EqualTo("IotEdge"));
        Assert.That(inHub.Authentication.SecondaryKey, Is.Not.EqualTo(inHub.Authentication.PrimaryKey));
        Assert.That(_world.Simulator.Handshakes(SimulatorService.Hub).Full, Is.EqualTo(2), "one for us, one for the module");
    }

    [Test]
    public async Task Keys_are_derived_as_clients_of_other_services_know_them()
    {
        var master = RandomNumberGenerator.GetBytes(32);
        _world.Keyd.Import(ModuleKeys.MasterKeyId, master);
        var made = await Service.CreateAsync("agent", null, default);
        var expected = HMACSHA256.HashData(master, System.Text.Encoding.UTF8.GetBytes($"agent:{made.GenerationId}:secondary"));
        Assert.That(_world.Find("agent")!.Authentication.SecondaryKey, Is.EqualTo(Convert.ToBase64String(expected)));
    }

    [Test]
    public async Task A_module_that_is_there_already_keeps_its_generation_and_gets_our_keys()
    {
        AddToHub("agent", "17");
        var made = await Service.CreateAsync("agent", null, default);
        Assert.That(made.GenerationId, Is.EqualTo("17"));
        Assert.That(_world.SendAs("agent", _world.HandleOf(made)), Is.EqualTo(204));
    }

    [Test]
    public async Task A_module_is_listed_updated_and_deleted()
    {
        await Service.CreateAsync("a", null, default);
        AddToHub("b", "17");
        var list = await Service.ListAsync(default);
        Assert.That(list.Modules.Select(static module => module.ModuleId), Is.EqualTo(new[] { "a", "b" }));
        Assert.That(_world.SendAs("b", _world.HandleOf(list.Modules[1])), Is.EqualTo(401), "not our keys yet");
        var updated = await Service.UpdateAsync("b", null, default);
        Assert.That(_world.SendAs("b", _world.HandleOf(updated)), Is.EqualTo(204));
        await Service.DeleteAsync("a", "test", default);
        Assert.That(_world.InHub.Select(static module => module.ModuleId), Is.EqualTo(new[] { "b" }));
        Assert.That(Refused(() => Service.DeleteAsync("a", "test", default)).Code, Is.EqualTo("module_not_found"));
        Assert.That(Refused(() => Service.UpdateAsync("a", null, default)).Code, Is.EqualTo("module_not_found"));
        var missing = Refused(() => Service.GetAsync("a", default));
        Assert.That((missing.Code, missing.Status), Is.EqualTo(("module_not_found", 404)));
        Assert.That(missing.Message, Does.Contain($"https://{_world.Hub}/devices/dev-1/modules/a").And.Contain("certificate device-id (subject CN=dev-1"));
        Message.Shown("module_not_found", missing);
    }

    [Test]
    public async Task A_device_with_a_symmetric_key_shows_tokens()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        _world.Keyd.Import("device-key", key);
        _world.Enrol(new HubCredential { Type = "sas", PrimaryKey = Convert.ToBase64String(key), SecondaryKey = Convert.ToBase64String(key) });
        _world.Auth = DeviceAuth.Sas;
        _world.Provision();
        var made = await Service.CreateAsync("agent", null, default);
        Assert.That(_world.SendAs("agent", _world.HandleOf(made)), Is.EqualTo(204));
        Assert.That(_world.Simulator.Recorder.Requests().Where(static record => record.Service == SimulatorService.Hub).Select(static record => record.Client), Is.All.Null);
    }

    [Test]
    public async Task A_token_made_by_a_clock_that_was_behind_is_made_anew_and_the_device_does_not_register_for_it()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        _world.Keyd.Import("device-key", key);
        _world.Enrol(new HubCredential { Type = "sas", PrimaryKey = Convert.ToBase64String(key), SecondaryKey = Convert.ToBase64String(key) });
        _world.Auth = DeviceAuth.Sas;
        _world.Provision();
        _world.Time.Set(DateTimeOffset.UtcNow.AddHours(-1));
        await Service.CreateAsync("agent", "IotEdge", default);
        Assert.That(_world.Find("agent")!.ManagedBy, Is.EqualTo("IotEdge"), "the body is sent again, too");
        Assert.That(_world.Simulator.Recorder.Requests().Select(static record => record.Status), Is.EqualTo(new[] { 401, 200, 200 }));
        Assert.That(_world.Reprovisions, Is.Zero);
    }

    [Test]
    public void Without_a_hub_there_are_no_modules()
    {
        _world.Auth = DeviceAuth.None;
        _world.Provision();
        var problem = Refused(() => Service.GetAsync("agent", default));
        Assert.That(problem.Status, Is.EqualTo(400));
        Message.Shown("no_hub", problem);
    }

    [Test]
    public async Task While_the_hub_is_away_modules_are_served_as_they_were_seen_last()
    {
        var made = await Service.CreateAsync("agent", null, default);
        _world.Time.Advance(TimeSpan.FromMinutes(30));
        await Service.GetAsync("agent", default);
        _world.LoseHub();
        _world.Time.Advance(TimeSpan.FromMinutes(5));
        var served = await Service.GetAsync("agent", default);
        Assert.That((served.GenerationId, served.Age), Is.EqualTo((made.GenerationId, (TimeSpan?)TimeSpan.FromMinutes(5))));
        Assert.That((await Service.ListAsync(default)).Age, Is.EqualTo(TimeSpan.FromMinutes(5)));
        Assert.That(Refused(() => Service.GetAsync("other", default)).Code, Is.EqualTo("hub_unreachable"));
        Assert.That(Refused(() => Service.CreateAsync("new", null, default)).Code, Is.EqualTo("hub_unreachable"));
        _world.Restart();
        served = await Service.GetAsync("agent", default);
        Assert.That(served.GenerationId, Is.EqualTo(made.GenerationId), "over a restart, too");
        Assert.That(served.Age, Is.GreaterThan(TimeSpan.FromMinutes(30)), "older than it is, for the sake of the flash memory, and never younger");
        Assert.That(_world.Reprovisions, Is.Zero);
    }

    [Test]
    public async Task A_damaged_file_is_no_harm()
    {
        var made = await Service.CreateAsync("agent", null, default);
        File.WriteAllText(_world.StateFile, "{\"version\":1,");
        Assert.That(new ModuleFile(_world.Folder).Read(out var problem), Is.Null);
        Message.Shown("state_damaged-modules", problem!, (_world.Folder, "/var/lib/estprov/identityd"));
        _world.Restart();
        Assert.That((await Service.GetAsync("agent", default)).GenerationId, Is.EqualTo(made.GenerationId));
        Assert.That(File.ReadAllText(_world.StateFile), Does.Contain(made.GenerationId), "written anew");
        Assert.That(File.ReadAllText(_world.StateFile), Does.Not.Contain(_world.Find("agent")!.Authentication.PrimaryKey));
    }

    [Test]
    public async Task What_belongs_to_another_hub_is_not_served()
    {
        await Service.CreateAsync("agent", null, default);
        _world.Status.Update(static now => now with { Provisioned = now.Provisioned! with { Hub = "other.example" } });
        _world.Simulator.Devices.Change(ModuleWorld.DeviceId, static before => before! with { Modules = [] });
        Assert.That(Refused(() => Service.GetAsync("agent", default)).Code, Is.EqualTo("module_not_found"));
        Assert.That(File.ReadAllText(_world.StateFile), Does.Contain("agent"), "until something is known of the other hub");
        await Service.CreateAsync("new", null, default);
        Assert.That(File.ReadAllText(_world.StateFile), Does.Contain("other.example").And.Not.Contain("agent"));
    }

    [Test]
    public async Task A_refused_device_registers_again_once_and_is_asked_once_more()
    {
        _world.Disable(true);
        _world.Reprovisioning = () =>
        {
            _world.Disable(false);
            _world.Provision();
        };
        await Service.CreateAsync("agent", null, default);
        Assert.That(_world.Reprovisions, Is.EqualTo(1));
        Assert.That(_world.Find("agent"), Is.Not.Null);
    }

    [Test]
    public void A_refused_device_stays_as_it_is_where_the_configuration_leaves_that_to_somebody()
    {
        _world.MayReprovision = false;
        _world.Disable(true);
        Message.Shown("hub_forbidden", Refused(() => Service.GetAsync("agent", default)));
        Assert.That(_world.Reprovisions, Is.Zero);
    }

    [Test]
    public void Registering_again_without_end_is_not_done()
    {
        _world.Disable(true);
        _world.Reprovisioning = _world.Provision;
        for (var i = 0; i < 5; i++)
        {
            var problem = Refused(() => Service.GetAsync("agent", default));
            Assert.That(problem.Code, Is.EqualTo("hub_forbidden"));
        }

        Assert.That(_world.Reprovisions, Is.EqualTo(1));
        _world.Time.Advance(TimeSpan.FromMinutes(2));
        Refused(() => Service.GetAsync("agent", default));
        Assert.That(_world.Reprovisions, Is.EqualTo(2));
        _world.Time.Advance(TimeSpan.FromMinutes(1));
        Refused(() => Service.GetAsync("agent", default));
        Assert.That(_world.Reprovisions, Is.EqualTo(2), "the gaps grow");
    }

    [Test]
    public async Task Of_many_who_are_refused_at_one_time_one_has_the_device_register()
    {
        _world.Disable(true);
        _world.Reprovisioning = () =>
        {
            SpinWait.SpinUntil(() => _world.HubRequests("GET") >= 2, TimeSpan.FromSeconds(10));
            _world.Disable(false);
            _world.Provision();
        };
        await Task.WhenAll(Service.ListAsync(default), Service.ListAsync(default));
        Assert.That(_world.Reprovisions, Is.EqualTo(1));
    }

    [TestCase(FaultKind.Status, 503, "hub_server_error")]
    [TestCase(FaultKind.Status, 429, "hub_throttled")]
    [TestCase(FaultKind.Reset, 0, "hub_reset")]
    [TestCase(FaultKind.HalfAnswer, 0, "hub_reset")]
    [TestCase(FaultKind.TlsName, 0, "hub_tls_name")]
    [TestCase(FaultKind.TlsUnknownCa, 0, "hub_tls_untrusted")]
    public void A_hub_that_cannot_be_asked_never_has_the_device_register(FaultKind kind, int status, string code)
    {
        _world.Simulator.AddFault(new FaultRule { Kind = kind, Service = SimulatorService.Hub, Status = status, RetryAfter = status == 429 ? 7 : null });
        var problem = Refused(() => Service.ListAsync(default));
        Assert.That(problem.Code, Is.EqualTo(code));
        Assert.That(problem.Message, Does.Contain($"https://{_world.Hub}/devices/dev-1/modules"));
        if (status == 429) Assert.That(problem.RetryAfter, Is.EqualTo(TimeSpan.FromSeconds(7)));
        Assert.That(_world.Reprovisions, Is.Zero);
        if (kind is not (FaultKind.Status or FaultKind.Reset)) return;
        // Whether a reset or the connection's end is met first is chance.
        Message.Shown(code, problem, ("the server closed the connection without an answer", "the server reset the connection"));
    }

    [TestCase(400, "ArgumentInvalid", "hub_bad_request")]
    [TestCase(403, "ModuleMaximumReachedOnDevice", "hub_quota")]
    public void A_module_that_the_hub_does_not_take_is_told_with_the_hubs_own_word(int status, string word, string code)
    {
        AddFault(status, 0, $$"""{"Message":"ErrorCode:{{word}};no"}""");
        Message.Shown(code, Refused(() => Service.CreateAsync("agent", null, default)));
    }

    [Test]
    public void A_device_that_was_removed_from_the_hub_is_told()
    {
        _world.MayReprovision = false;
        _world.Simulator.AddFault(new FaultRule
        {
            Kind = FaultKind.Status,
            Status = 404,
            Service = SimulatorService.Hub,
            Body = """{"Message":"ErrorCode:DeviceNotFound;no"}""",
        });
        Message.Shown("hub_device_not_found", Refused(() => Service.ListAsync(default)));
    }

    [Test]
    public void A_certificate_that_is_refused_by_an_alert_is_told()
    {
        _world.MayReprovision = false;
        _world.Simulator.AddFault(new FaultRule { Kind = FaultKind.TlsClientAlert, Service = SimulatorService.Hub });
        Message.Shown("hub_tls_alert", Refused(() => Service.ListAsync(default)));
    }

    [Test]
    public void One_that_is_changed_again_and_again_is_told_after_three_looks()
    {
        AddToHub("agent", "17");
        for (var looks = 1; looks <= 3; looks++) AddFault(412, looks, "{}");
        Message.Shown("hub_changed", Refused(() => Service.UpdateAsync("agent", null, default)));
        Assert.That(_world.HubRequests("PUT"), Is.EqualTo(3));
    }

    [Test]
    public void One_that_the_hub_is_at_work_on_is_told()
    {
        AddToHub("agent", "17");
        AddFault(409, 1, """{"Message":"ErrorCode:DeviceConflict;no"}""");
        Message.Shown("hub_conflict", Refused(() => Service.UpdateAsync("agent", null, default)));
    }

    [Test]
    public async Task One_that_was_changed_in_between_is_looked_at_again()
    {
        var begun = AddToHub("agent", "17");
        _world.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Status = 412, Service = SimulatorService.Hub, Route = "module", Skip = 1, Count = 1, Body = "{}" });
        await Service.UpdateAsync("agent", null, default);
        Assert.That(_world.HubRequests("GET"), Is.EqualTo(2));
        Assert.That(_world.Find("agent")!.Etag, Is.Not.EqualTo(begun.Etag));
    }

    [Test]
    public async Task The_connection_serves_all_and_is_given_up_in_the_end()
    {
        for (var i = 0; i < 3; i++) await Service.ListAsync(default);
        Assert.That(_world.Simulator.Handshakes(SimulatorService.Hub).Full, Is.EqualTo(1));
        Assert.That(_world.Simulator.OpenConnections(SimulatorService.Hub), Is.EqualTo(1));
        _world.Time.Release();
        Assert.That(SpinWait.SpinUntil(() => _world.Simulator.OpenConnections(SimulatorService.Hub) == 0, TimeSpan.FromSeconds(10)));
    }

    /// <param name="skip">How many requests for the module pass before.</param>
    private void AddFault(int status, int skip, string body) => _world.Simulator.AddFault(new FaultRule
    {
        Kind = FaultKind.Status,
        Status = status,
        Service = SimulatorService.Hub,
        Route = "module",
        Skip = skip,
        Count = 1,
        Body = body,
    });

    private HubModule AddToHub(string moduleId, string generation)
    {
        var module = new HubModule { ModuleId = moduleId, GenerationId = generation, Etag = "e1", Authentication = new HubCredential { Type = "sas", PrimaryKey = "AAAA", SecondaryKey = "AAAA" } };
        _world.Simulator.Devices.Change(ModuleWorld.DeviceId, before => before! with { Modules = [.. before.Modules, module] });
        return module;
    }

    private static ProblemException Refused(Func<Task> call) => Assert.Throws<ProblemException>(() => call().GetAwaiter().GetResult())!;
}
