using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Modules;
using EstProv.Identity.Tests.Support;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Hub;

namespace EstProv.Identity.Tests.Modules;

/// <summary>Modules that show a certificate, in a hub on real TLS.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class CertifiedModuleTests : IDisposable
{
    private readonly ModuleWorld _world = new();

    private ModuleService Service => _world.Modules.Service;

    public void Dispose() => _world.Dispose();

    [Test]
    public async Task A_module_is_made_with_its_certificate_and_accepted_by_it_alone()
    {
        var credential = _world.Stage("firmware");
        Want("firmware");
        await Step();
        var module = _world.Find("firmware")!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(module.Authentication.Type, Is.EqualTo("selfSigned"));
            Assert.That(module.Authentication.PrimaryThumbprint, Is.EqualTo(Thumbprint(credential.Current!)));
            Assert.That(module.Authentication.SecondaryThumbprint, Is.Null);
            Assert.That(_world.Certd.Told.Single(), Is.EqualTo($"confirmed aziot_identityd_module_firmware {credential.Current!.Thumbprint}"));
            Assert.That(_world.Certd.AskedCommonName, Is.EqualTo("dev-1/firmware"));
            Assert.That(_world.SendAs("firmware", credential.Current), Is.EqualTo(204));
            Assert.That(_world.SendAs("firmware", _world.Modules.Keys.Handle("firmware", module.GenerationId)), Is.EqualTo(401),
                "no tokens");
            Assert.That(_world.HubRequests("PUT"), Is.EqualTo(1), "its keys do not depend on the generation");
            Assert.That(_world.Followed, Is.Not.Zero);
        }
    }

    [Test]
    public async Task What_is_as_it_should_be_costs_the_hub_one_list_at_a_start_and_nothing_else()
    {
        _world.Stage("firmware");
        Want("firmware");
        await Step();
        var sent = Requests;
        await Step();
        _world.Modules.Hosts.LookAtCertificates();
        await Step();
        Assert.That(Requests, Is.EqualTo(sent));
        _world.Restart();
        await Step();
        Assert.That(Requests, Is.EqualTo(sent + 1));
    }

    [Test]
    public async Task A_renewed_certificate_is_known_to_the_hub_before_it_is_in_use_and_the_old_one_until_then()
    {
        var credential = _world.Stage("firmware");
        Want("firmware");
        await Step();
        var old = credential.Current!;
        var renewed = _world.Stage("firmware").Staged!;
        HubCredential? between = null;
        _world.Certd.Confirming = () =>
        {
            between = _world.Find("firmware")!.Authentication;
            Assert.That((_world.SendAs("firmware", old), _world.SendAs("firmware", renewed)), Is.EqualTo((204, 204)));
        };
        _world.Modules.Hosts.LookAtCertificates();
        await Step();
        var after = _world.Find("firmware")!.Authentication;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((between!.PrimaryThumbprint, between.SecondaryThumbprint), Is.EqualTo((Thumbprint(renewed), Thumbprint(old))));
            Assert.That(credential.Current, Is.SameAs(renewed));
            Assert.That((after.PrimaryThumbprint, after.SecondaryThumbprint), Is.EqualTo((Thumbprint(renewed), (string?)null)));
            Assert.That(_world.SendAs("firmware", old), Is.EqualTo(401), "its key is destroyed: nobody is to show it any more");
            Assert.That(_world.SendAs("firmware", renewed), Is.EqualTo(204));
        }
    }

    [Test]
    public async Task A_renewed_certificate_that_the_hub_was_not_told_of_stays_aside()
    {
        var credential = _world.Stage("firmware");
        Want("firmware");
        await Step();
        var old = credential.Current!;
        var renewed = _world.Stage("firmware").Staged!;
        var fault = _world.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Status = 503, Service = SimulatorService.Hub });
        _world.Modules.Hosts.LookAtCertificates();
        var pause = await Step();
        Assert.That(credential.Current, Is.SameAs(old));
        _world.Simulator.Faults.Remove(fault);
        _world.Time.Advance(pause);
        await Step();
        Assert.That((credential.Current, _world.SendAs("firmware", renewed)), Is.EqualTo((renewed, 204)));
    }

    [Test]
    public async Task One_that_certd_put_into_use_by_itself_is_told_to_the_hub()
    {
        var credential = _world.Stage("firmware");
        Want("firmware");
        await Step();
        var taken = _world.Stage("firmware").Staged!;
        (credential.Current, credential.Staged) = (taken, null);
        Assert.That(_world.SendAs("firmware", taken), Is.EqualTo(401));
        _world.Modules.Hosts.LookAtCertificates();
        await Step();
        Assert.That(_world.SendAs("firmware", taken), Is.EqualTo(204), "the old one had ended before the hub could be told");
    }

    [Test]
    public async Task Power_that_goes_between_the_confirmation_and_the_last_word_to_the_hub_is_made_up_for()
    {
        var credential = _world.Stage("firmware");
        Want("firmware");
        await Step();
        var old = credential.Current!;
        _world.Stage("firmware");
        int? fault = null;
        var reset = new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Hub };
        _world.Certd.Confirming = () => fault = _world.Simulator.AddFault(reset);
        _world.Modules.Hosts.LookAtCertificates();
        await Step();
        Assert.That(_world.Find("firmware")!.Authentication.SecondaryThumbprint, Is.EqualTo(Thumbprint(old)));
        _world.Simulator.Faults.Remove(fault!.Value);
        _world.Restart();
        await Step();
        Assert.That(_world.Find("firmware")!.Authentication.SecondaryThumbprint, Is.Null);
        Assert.That(_world.SendAs("firmware", credential.Current!), Is.EqualTo(204));
    }

    [Test]
    public async Task What_somebody_changed_in_the_hub_is_put_right_at_the_next_start()
    {
        var credential = _world.Stage("firmware");
        Want("firmware");
        await Step();
        var keys = new HubCredential { Type = "sas", PrimaryKey = "AAAA", SecondaryKey = "AAAA" };
        _world.Simulator.Devices.Change(ModuleWorld.DeviceId,
            before => before! with { Modules = [before.Modules.Single() with { Authentication = keys }] });
        _world.Restart();
        await Step();
        Assert.That(_world.SendAs("firmware", credential.Current!), Is.EqualTo(204));
    }

    [Test]
    public async Task A_module_changes_from_tokens_to_a_certificate_and_back_with_its_principal()
    {
        Want(false, "firmware");
        await Step();
        var generation = _world.Find("firmware")!.GenerationId;
        var credential = _world.Stage("firmware");
        Want("firmware");
        await Step();
        Assert.That(_world.SendAs("firmware", credential.Current!), Is.EqualTo(204));
        Want(false, "firmware");
        await Step();
        Assert.That(_world.SendAs("firmware", _world.Modules.Keys.Handle("firmware", generation)), Is.EqualTo(204));
        Assert.That(_world.SendAs("firmware", credential.Current!), Is.EqualTo(401));
    }

    [Test]
    public async Task A_certificate_that_cannot_be_had_keeps_no_other_module_from_being_made()
    {
        _world.Stage("b");
        _world.Certd.Modules["aziot_identityd_module_a"] = new MemoryCredential();
        _world.Certd.Issuing = new CredentialProblem("the EST server at https://est.example said no", "ask its operator", "est_forbidden");
        _world.Principals = [Principal("a", true), Principal("b", true), Principal("c", false), Principal("unknown", true)];
        await Step();
        Assert.That(_world.InHub.Select(static module => module.ModuleId).Order(StringComparer.Ordinal), Is.EqualTo(new[] { "b", "c" }));
        var asked = Service.EnsureCertifiedAsync("a", null, null, false, default);
        var problem = Assert.Throws<ProblemException>(() => asked.GetAwaiter().GetResult())!;
        Assert.That((problem.Code, problem.Status), Is.EqualTo(("est_forbidden", 503)));
        Assert.That(problem.Message, Does.Contain("aziot_identityd_module_a").And.Contain("https://est.example"));
        var credential = _world.Stage("a");
        _world.Modules.Hosts.LookAtCertificates();
        await Step();
        Assert.That(_world.SendAs("a", credential.Current!), Is.EqualTo(204), "at once, without waiting for the next attempt");
    }

    [Test]
    public async Task Its_principal_takes_it_along_when_it_goes()
    {
        _world.Stage("firmware");
        Want("firmware");
        await Step();
        Want();
        await Step();
        Assert.That(_world.InHub, Is.Empty);
    }

    [Test]
    public async Task One_that_was_removed_in_the_hub_is_made_again()
    {
        var credential = _world.Stage("firmware");
        Want("firmware");
        await Step();
        _world.Simulator.Devices.Change(ModuleWorld.DeviceId, static before => before! with { Modules = [] });
        _world.Stage("firmware");
        _world.Modules.Hosts.LookAtCertificates();
        await Step();
        Assert.That(_world.SendAs("firmware", credential.Current!), Is.EqualTo(204));
    }

    [Test]
    public async Task Two_who_ask_at_one_time_make_it_known_once()
    {
        var credential = _world.Stage("firmware");
        await Task.WhenAll(
            Service.EnsureCertifiedAsync("firmware", null, null, false, default),
            Service.EnsureCertifiedAsync("firmware", null, null, false, default));
        Assert.That(_world.Certd.Told, Has.Count.EqualTo(1));
        Assert.That(_world.HubRequests("PUT"), Is.EqualTo(1));
        Assert.That(_world.SendAs("firmware", credential.Current!), Is.EqualTo(204));
    }

    private int Requests => _world.Simulator.Recorder.Requests().Count;

    private Task<TimeSpan> Step() => _world.Modules.Hosts.StepAsync(default);

    private static string Thumbprint(X509Certificate2 certificate) => certificate.GetCertHashString(HashAlgorithmName.SHA256);

    private void Want(params string[] names) => Want(true, names);

    private void Want(bool certified, params string[] names) => _world.Principals = [.. names.Select(name => Principal(name, certified))];

    private static IdentityPrincipal Principal(string name, bool certified)
        => new() { Uid = 1, Name = name, IdTypes = ["module"], IsCertified = certified };
}
