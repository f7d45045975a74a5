using EstProv.Configuration;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>What outlives a restart, an update and a changed configuration.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class StateTests : IDisposable
{
    /// <summary>As the release before writes it.</summary>
    private const string FirstVersion = """
        {
          "version": 1,
          "hub": "hub.example",
          "device": "dev-1",
          "registrationId": "dev-1",
          "endpoint": "https://dps.example/",
          "scope": "0neTEST",
          "certificateId": "device-id",
          "keyId": "device-id",
          "certificate": "MIIB",
          "spki": "AbCd",
          "since": "2026-02-28T08:00:00Z"
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("estprov-identity-").FullName;
    private readonly TestPki _pki = new("Test CA");

    private ProvisionedStore Store => new(_folder);

    private string File => Store.Path;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_file_of_the_release_before_is_served()
    {
        System.IO.File.WriteAllText(File, FirstVersion);
        using var device = new Device(_pki.Root, Device.Dps(new Uri("https://dps.example/")), _folder, new MemoryCertd());
        device.Loop.Restore();
        var state = device.Status.Require();
        Assert.That((state.Hub, state.DeviceId, state.Source, state.Auth, state.Since),
            Is.EqualTo(("hub.example", "dev-1", "dps", DeviceAuth.X509, new DateTimeOffset(2026, 2, 28, 8, 0, 0, TimeSpan.Zero))));
    }

    [Test]
    public void The_release_before_understands_what_it_could_have_written()
    {
        System.IO.File.WriteAllText(File, FirstVersion);
        Store.Write(Store.Read(out _)!);
        Assert.That(System.IO.File.ReadAllText(File), Is.EqualTo(FirstVersion));
    }

    [Test]
    public void What_it_could_not_is_another_version([Values("dps", "manual", "none")] string source)
    {
        var state = new ProvisionedState
        {
            Hub = source == "none" ? "" : "hub.example",
            DeviceId = "dev-1",
            RegistrationId = "dev-1",
            Source = source,
            Auth = source == "none" ? DeviceAuth.None : DeviceAuth.Sas,
            Endpoint = "",
            ScopeId = "",
            CertificateId = "",
            KeyId = "key",
            Certificate = "",
            Spki = "",
            Since = new DateTimeOffset(2026, 2, 28, 8, 0, 0, TimeSpan.Zero),
        };
        Store.Write(state);
        Assert.That(Store.Read(out var problem), Is.EqualTo(state));
        Assert.That(problem, Is.Null);
        Assert.That(System.IO.File.ReadAllText(File), Does.Contain("\"version\": 2"));
    }

    [TestCase("\"version\": 1", "\"version\": 3", "state_damaged")]
    [TestCase("\"version\": 1", "\"version\": 2")]
    [TestCase("\"version\": 1", "\"version\": 2, \"source\": \"other\", \"auth\": \"sas\"")]
    [TestCase("\"version\": 1", "\"version\": 2, \"source\": \"manual\", \"auth\": \"tpm\"")]
    [TestCase("\"hub\"", "\"hob\"")]
    [TestCase("{", "", "state_damaged-no-json")]
    public void Anything_else_is_told_and_made_anew(string good, string bad, string? message = null)
    {
        System.IO.File.WriteAllText(File, FirstVersion.Replace(good, bad, StringComparison.Ordinal));
        Assert.That(Store.Read(out var problem), Is.Null);
        Assert.That(problem!.Code, Is.EqualTo("state_damaged"));
        if (message is not null) Message.Shown(message, problem, (_folder, "/var/lib/estprov/identityd"));
    }

    [Test]
    public void One_that_cannot_be_read_is_told_and_the_device_registers_again()
    {
        // Its reading is an error for root, too.
        System.IO.File.CreateSymbolicLink(File, "/proc/self/mem");
        Assert.That(Store.Read(out var problem), Is.Null);
        Message.Shown("state_unreadable", problem!, (_folder, "/var/lib/estprov/identityd"));
    }

    private static IEnumerable<TestCaseData> Changes()
    {
        var (dps, hub) = (new Uri("https://dps.example/"), new Uri("https://hub.example/"));
        var was = Device.Dps(dps);
        yield return Case("scope", was, was with { ScopeId = "0neOTHER" }, "scope 0neOTHER");
        yield return Case("endpoint", was, Device.Dps(new Uri("https://other.example/")), "https://other.example/");
        yield return Case("registration id", was, was with { RegistrationId = "dev-2" }, "registration id dev-2");
        yield return Case("certificate", was, was with { Authentication = Device.Certificate with { CertificateId = "other" } },
            "certificate other");
        yield return Case("key", was, was with { Authentication = Device.Certificate with { KeyId = "other" } }, "key other");
        yield return Case("symmetric key", was, was with { Authentication = Device.Key }, "symmetric key device-id");
        yield return Case("source", was, Device.Manual(hub), "source manual, device dev-1 at hub hub.example");
        yield return Case("no cloud", was, Device.None(), "source none");
        var manual = Device.Manual(hub);
        yield return Case("hub", manual, Device.Manual(new Uri("https://hub2.example/")), "hub hub2.example");
        yield return Case("device id", manual, manual with { DeviceId = "dev-2" }, "device dev-2");
        yield return Case("name", Device.None(), Device.None() with { RegistrationId = "dev-2" }, "registration id dev-2");
    }

    [TestCaseSource(nameof(Changes))]
    public void A_changed_configuration_is_noticed_at_start_and_said(object before, object after, string said)
    {
        Write((ProvisioningSettings)before);
        using (var same = new Device(_pki.Root, (ProvisioningSettings)before, _folder, new MemoryCertd()))
        {
            same.Loop.Restore();
            Assert.That(same.Status.Require().DeviceId, Is.EqualTo("dev-1"));
        }

        using var device = new Device(_pki.Root, (ProvisioningSettings)after, _folder, new MemoryCertd());
        device.Loop.Restore();
        Assert.That(device.Status.Now.Provisioned, Is.Null);
        Assert.That(device.Log.All.Single(), Does.StartWith("Warning the provisioning settings have changed: device " +
            "dev-1").And.Contain("now it is").And.Contain(said));
    }

    [Test]
    public void What_does_not_change_where_the_device_is_changes_nothing()
    {
        var settings = Device.Dps(new Uri("https://dps.example/"));
        Write(settings);
        var other = settings with
        {
            LocalGatewayHostname = "gateway.example",
            DynamicReprovisioning = false,
            PayloadFile = new Positioned<string>("/payload", new Position("identityd.toml", 1, 1)),
            Position = new Position("other.toml", 9, 9),
        };
        using var device = new Device(_pki.Root, other, _folder, new MemoryCertd());
        device.Loop.Restore();
        Assert.That(device.Status.Require().GatewayHost, Is.EqualTo("gateway.example"), "as it is configured now");
    }

    [Test]
    public void A_start_that_is_to_provision_anew_serves_what_is_stored_meanwhile()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var first = new Device(_pki.Root, dps.Url, _folder);
        first.Certd.Staged = _pki.Device("dev-1");
        first.Start().UntilSettled();
        first.Stop();
        var calls = dps.Calls.Count;
        dps.Script = static _ => TestDps.Error(500, "oops");
        using var again = new Device(_pki.Root, first.Settings with { AlwaysReprovisionOnStartup = true }, _folder, first.Certd);
        again.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        again.Start().UntilProblem("dps_server_error");
        Assert.That(again.Status.Require().Hub, Is.EqualTo("hub.example"));
        dps.Script = TestDps.Assigning("new-hub.example");
        again.Time.Hold = static _ => false;
        again.Time.Release();
        again.Until(static now => now.Provisioned!.Hub == "new-hub.example");
        Assert.That(dps.Calls, Has.Count.GreaterThan(calls));
    }

    [Test]
    public void A_hubs_refusal_provisions_anew_unless_the_configuration_says_otherwise()
    {
        var settings = Device.Dps(new Uri("https://dps.example/"));
        using var device = new Device(_pki.Root, settings, _folder, new MemoryCertd());
        Assert.That(device.Loop.ReprovisionAfterRefusal(), Is.EqualTo(1));
        using var still = new Device(_pki.Root, settings with { DynamicReprovisioning = false }, _folder, new MemoryCertd());
        Assert.That(still.Loop.ReprovisionAfterRefusal(), Is.Null);
        Assert.That(still.Loop.Reprovision(), Is.EqualTo(1), "whoever may ask for it is heard");
    }

    private void Write(ProvisioningSettings settings)
    {
        using var credential = DeviceCredential.Read("device-id", _pki.Device("dev-1").ExportCertificatePem(), "v1.device-id");
        var hub = settings is NoneProvisioning ? "" : "hub.example";
        Store.Write(ProvisionedState.Of(settings, new Assignment(hub, "dev-1"), "dev-1", credential, DateTimeOffset.UtcNow));
    }

    private static TestCaseData Case(string name, ProvisioningSettings before, ProvisioningSettings after, string said)
        => new TestCaseData(before, after, said).SetArgDisplayNames(name);
}
