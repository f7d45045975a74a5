using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using EstProv.Configuration;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Api;
using EstProv.Identity.Dps;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Server;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Platform.Time;
using EstProv.Simulator;
using EstProv.Simulator.Hub;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Api;

/// <summary>The routes of module and local identities on a real socket, against a hub on real TLS. What clients parse is held here byte by byte.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ModuleRouteTests : IDisposable
{
    private readonly TestPki _pki = new("Test CA");
    private readonly string _folder = Directory.CreateTempSubdirectory("estprov-identity-").FullName;
    private readonly MemoryCertd _certd = new();
    private readonly TestDps _dps;
    private readonly SimulatorHost _hub;
    private readonly Neighbours _neighbours;
    private readonly LocalClient _client;
    private readonly LocalClient _toCertd;
    private readonly LocalClient _toKeyd;
    private IdentityService? _service;

    public ModuleRouteTests()
    {
        _hub = SimulatorHost.StartAsync(new SimulatorOptions { Data = Path.Combine(_folder, "simulator") }).GetAwaiter().GetResult();
        _dps = new TestDps(_pki.Server("localhost")) { Script = TestDps.Assigning(Hub) };
        _neighbours = new Neighbours(_folder);
        _certd.Others["dps-ca"] = [_pki.Root, X509CertificateLoader.LoadCertificate(_hub.Pki.CloudServer.Certificate.RawData)];
        _client = new LocalClient(Path.Combine(_folder, "identityd.sock"), "estprov-identityd", "Identity Service", TimeSpan.FromSeconds(20));
        _toCertd = new LocalClient(Path.Combine(_folder, "certd.sock"), "estprov-certd", "Certificates Service", TimeSpan.FromSeconds(5));
        _toKeyd = new LocalClient(Path.Combine(_folder, "keyd.sock"), "estprov-keyd", "Key Service", TimeSpan.FromSeconds(5));
    }

    private string Hub => $"localhost:{_hub.Ports.Hub}";

    public void Dispose()
    {
        _service?.Dispose();
        _client.Dispose();
        _neighbours.Dispose();
        _toCertd.Dispose();
        _toKeyd.Dispose();
        _dps.Dispose();
        _hub.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void Every_answer_has_the_known_form_in_every_version()
    {
        Provision(Manager());
        foreach (var version in ApiVersions.All)
        {
            var made = Text(Send("POST", "/identities/modules", """{"type":"aziot","moduleId":"agent"}""", version));
            var generation = _hub.Devices.Find("dev-1")!.Modules.Single().GenerationId;
            var expected = $$$$"""{"type":"aziot","spec":{"hubName":"{{{{Hub}}}}","gatewayHost":"{{{{Hub}}}}","deviceId":"dev-1","moduleId":"agent","genId":"{{{{generation}}}}","auth":{"type":"sas","keyHandle":"v1.aziot_identityd_master_id/agent:{{{{generation}}}}:primary"}}}""";
            Assert.That(made, Is.EqualTo(expected));
            Assert.That(Text(Send("GET", "/identities/modules/agent?type=aziot", version: version)), Is.EqualTo(expected));
            Assert.That(Text(Send("PUT", "/identities/modules/agent?type=aziot", """{"type":"aziot","moduleId":"agent"}""", version)), Is.EqualTo(expected));
            Assert.That(Text(Send("GET", "/identities/modules?type=aziot", version: version)), Is.EqualTo(
                $$$$"""{"identities":[{"type":"aziot","spec":{"hubName":"{{{{Hub}}}}","gatewayHost":"{{{{Hub}}}}","deviceId":"dev-1","moduleId":"agent","genId":"{{{{generation}}}}"}}]}"""));
            Assert.That(Send("DELETE", "/identities/modules/agent?type=aziot", version: version).Status, Is.EqualTo(204));
            Assert.That(Text(Send("GET", "/identities/modules?type=aziot", version: version)), Is.EqualTo("""{"identities":[]}"""));
        }
    }

    [Test]
    public void A_host_process_gets_its_own_module_and_no_other()
    {
        Provision(Own("firmware", "module"), new IdentityPrincipal { Uid = Users.Self + 1, Name = "updater", IdTypes = ["module"] });
        Assert.That(Text(Send("GET", "/identities/identity")), Does.Contain("\"moduleId\":\"firmware\"").And.Contain("v1.aziot_identityd_master_id/firmware:"));
        Assert.That(Text(Send("GET", "/identities/modules/firmware?type=aziot")), Does.Contain("\"moduleId\":\"firmware\""));
        SpinWait.SpinUntil(() => _hub.Devices.Find("dev-1")!.Modules.Count == 2, TimeSpan.FromSeconds(20));
        foreach (var (method, path) in new[]
        {
            ("GET", "/identities/modules/updater?type=aziot"), ("GET", "/identities/modules?type=aziot"), ("POST", "/identities/modules"), ("PUT", "/identities/modules/firmware?type=aziot"),
            ("DELETE", "/identities/modules/firmware?type=aziot"), ("GET", "/identities/modules/firmware?type=local"), ("POST", "/identities/device"),
        })
        {
            var problem = Refused(method, path, """{"type":"aziot","moduleId":"firmware"}""");
            Assert.That((problem.Status, problem.Code), Is.EqualTo((401, "forbidden")), $"{method} {path}");
        }
    }

    [Test]
    public void Several_principals_of_one_user_add_up()
    {
        Provision(Own("firmware", "module"), Own("updater", "module"), Own("firmware", "local"));
        Assert.That(Text(Send("GET", "/identities/modules/updater?type=aziot")), Does.Contain("\"moduleId\":\"updater\""));
        Assert.That(Text(Send("GET", "/identities/identity")), Does.Contain("\"moduleId\":\"firmware\""));
        Assert.That(Refused("POST", "/identities/device", """{"type":"aziot"}""").Status, Is.EqualTo(401));
    }

    [Test]
    public void Principals_that_change_are_followed_in_the_hub()
    {
        IdentityPrincipal[] principals = [Own("firmware", "module")];
        Provision(() => principals);
        Assert.That(SpinWait.SpinUntil(() => Modules().SequenceEqual(["firmware"]), TimeSpan.FromSeconds(20)));
        principals = [Own("updater", "module")];
        Assert.That(Text(Send("GET", "/identities/identity")), Does.Contain("\"moduleId\":\"updater\""));
        Assert.That(SpinWait.SpinUntil(() => Modules().SequenceEqual(["updater"]), TimeSpan.FromSeconds(20)));
    }

    [Test]
    public void An_offline_answer_says_how_old_it_is()
    {
        Provision(Manager());
        Send("POST", "/identities/modules", """{"type":"aziot","moduleId":"agent"}""");
        Assert.That(Send("GET", "/identities/modules/agent?type=aziot").Header("Age"), Is.Null);
        _hub.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Assert.That(Send("GET", "/identities/modules/agent?type=aziot").Header("Age"), Does.Match("^[0-9]+$"));
        Assert.That(Send("GET", "/identities/modules?type=aziot").Header("Age"), Is.Not.Null);
        var problem = Refused("POST", "/identities/modules", """{"type":"aziot","moduleId":"new"}""");
        Assert.That(problem.Code, Is.EqualTo("hub_unreachable").Or.EqualTo("hub_reset"));
    }

    [TestCase("GET", "/identities/modules", "", 400, "identity_type", "identity_type")]
    [TestCase("GET", "/identities/modules?type=local", "", 400, "identity_type")]
    [TestCase("GET", "/identities/modules?type=x", "", 400, "identity_type", "identity_type-unknown")]
    [TestCase("GET", "/identities/modules/agent", "", 400, "identity_type")]
    [TestCase("GET", "/identities/modules/agent?type=aziot", "", 404, "module_not_found")]
    [TestCase("GET", "/identities/modules/agent?type=local", "", 400, "local_id_not_found", "local_id_not_found")]
    [TestCase("GET", "/identities/modules/a%2Fb?type=aziot", "", 400, "module_id")]
    [TestCase("POST", "/identities/modules", "", 400, "body_missing")]
    [TestCase("POST", "/identities/modules", "{}", 422, "field_missing")]
    [TestCase("POST", "/identities/modules", """{"type":"aziot"}""", 422, "field_missing")]
    [TestCase("POST", "/identities/modules", """{"type":"aziot","moduleId":3}""", 422, "bad_json")]
    [TestCase("POST", "/identities/modules", """{"type":"aziot","moduleId":""}""", 400, "module_id")]
    [TestCase("POST", "/identities/modules", """{"type":"aziot","moduleId":"a/b"}""", 400, "module_id", "module_id")]
    [TestCase("POST", "/identities/modules", """{"type":"x","moduleId":"a"}""", 400, "identity_type")]
    [TestCase("POST", "/identities/modules", """{"type":"local","moduleId":"a","localIdOpts":{"type":"x509","attributes":"both"}}""", 400, "local_id_options", "local_id_options")]
    [TestCase("POST", "/identities/modules", """{"type":"local","moduleId":"a","localIdOpts":[]}""", 422, "bad_json")]
    [TestCase("POST", "/identities/modules", """{"type":"local","moduleId":"module-server"}""", 400, "local_id_name", "local_id_name")]
    [TestCase("PUT", "/identities/modules/agent?type=aziot", """{"type":"local"}""", 400, "identity_type")]
    [TestCase("PUT", "/identities/modules/agent?type=aziot", """{"moduleId":"other"}""", 400, "module_id", "module_id-other")]
    [TestCase("PUT", "/identities/modules/agent?type=local", "", 400, "identity_type")]
    [TestCase("PUT", "/identities/modules/agent?type=aziot", "", 404, "module_not_found")]
    [TestCase("DELETE", "/identities/modules/agent?type=local", "", 400, "identity_type")]
    [TestCase("DELETE", "/identities/modules/agent?type=aziot", "", 404, "module_not_found")]
    [TestCase("PATCH", "/identities/modules", "", 400, "wrong_method")]
    public void What_cannot_be_is_refused_with_its_reason(string method, string path, string body, int status, string code, string? message = null)
    {
        Provision(Manager());
        var problem = Refused(method, path, body);
        Assert.That((problem.Status, problem.Code), Is.EqualTo((status, code)), problem.Message);
        if (message is not null) Message.Shown(message, problem);
    }

    [Test]
    public void A_principals_module_goes_with_the_principal_only()
    {
        Provision(Manager(), new IdentityPrincipal { Uid = Users.Self + 1, Name = "firmware", IdTypes = ["module"] });
        Message.Shown("module_configured", Refused("DELETE", "/identities/modules/firmware?type=aziot"));
    }

    [Test]
    public void A_module_with_a_certificate_is_answered_with_that_whoever_asks()
    {
        _certd.Modules["aziot_identityd_module_firmware"] = new MemoryCredential { Staged = _pki.Device("dev-1/firmware") };
        Provision(Manager(), Own("firmware", "module") with { Uid = Users.Self + 1, IsCertified = true });
        var expected = "";
        foreach (var (method, path, body) in new[]
        {
            ("GET", "/identities/modules/firmware?type=aziot", ""),
            ("POST", "/identities/modules", """{"type":"aziot","moduleId":"firmware"}"""),
            ("PUT", "/identities/modules/firmware?type=aziot", ""),
            ("GET", "/identities/modules/firmware?type=aziot", ""),
        })
        {
            var text = Text(Send(method, path, body));
            var module = _hub.Devices.Find("dev-1")!.Modules.Single();
            expected = $$$$"""{"type":"aziot","spec":{"hubName":"{{{{Hub}}}}","gatewayHost":"{{{{Hub}}}}","deviceId":"dev-1","moduleId":"firmware","genId":"{{{{module.GenerationId}}}}","auth":{"type":"x509","keyHandle":"v1.aziot_identityd_module_firmware","certId":"aziot_identityd_module_firmware"}}}""";
            Assert.That(text, Is.EqualTo(expected), method);
            Assert.That(module.Authentication.Type, Is.EqualTo("selfSigned"), "nobody gives it keys in the place of its certificate");
        }
    }

    [Test]
    public void A_module_whose_certificate_cannot_be_had_is_told_why()
    {
        _certd.Modules["aziot_identityd_module_firmware"] = new MemoryCredential();
        Provision(Own("firmware", "module") with { IsCertified = true });
        var pending = Refused("GET", "/identities/identity");
        Assert.That((pending.Status, pending.Code), Is.EqualTo((503, "certificate_pending")));
        Message.Shown("certificate_pending-module", pending);
        _certd.Modules.Clear();
        Assert.That(Refused("GET", "/identities/identity").Code, Is.EqualTo("not_configured"));
        Assert.That(Modules(), Is.Empty, "nobody could use it");
    }

    [Test]
    public void A_process_that_asks_for_its_local_identity_again_and_again_is_put_off()
    {
        Provision(Own("agent", "local"));
        var issued = 0;
        _neighbours.Issue = (_, csr) =>
        {
            issued++;
            return _pki.IssueRequested(csr);
        };
        for (var i = 0; i < 5; i++) Send("GET", "/identities/identity");
        var problem = Refused("GET", "/identities/identity");
        Assert.That((problem.Status, issued), Is.EqualTo((429, 5)));
        Message.Shown("local_id_too_often", problem);
        Assert.That(problem.RetryAfter, Is.InRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(61)));
    }

    [Test]
    public void A_local_identity_is_a_key_and_a_certificate_for_it()
    {
        Provision(Own("agent", "local"));
        string? asked = null;
        _neighbours.Issue = (id, csr) =>
        {
            asked = id;
            return _pki.IssueRequested(csr);
        };
        foreach (var path in new[] { "/identities/identity", "/identities/modules/agent?type=local" })
        {
            var text = Text(Send("GET", path));
            using var document = JsonDocument.Parse(text);
            var auth = document.RootElement.GetProperty("spec").GetProperty("auth");
            var (key, certificate) = (auth.GetProperty("privateKey").GetString()!, auth.GetProperty("certificate").GetString()!);
            using var pair = X509Certificate2.CreateFromPem(certificate, key);
            Assert.That(text, Is.EqualTo(
                $$$$"""{"type":"local","spec":{"moduleId":"agent","auth":{"privateKey":"{{{{key.ReplaceLineEndings("\\n")}}}}","certificate":"{{{{certificate.ReplaceLineEndings("\\n")}}}}","expiration":"{{{{pair.NotAfter.ToUniversalTime():yyyy-MM-ddTHH:mm:ss}}}}+00:00"}}}"""));
            Assert.That(key, Does.StartWith("-----BEGIN PRIVATE KEY-----\n").And.EndWith("\n-----END PRIVATE KEY-----\n"));
            Assert.That(pair.Subject, Is.EqualTo($"CN=agent.{Environment.MachineName}.devices.example.com"));
            Assert.That(Usages(pair), Is.EqualTo(new[] { "1.3.6.1.5.5.7.3.2" }));
            Assert.That(asked, Is.EqualTo("agent"));
        }
    }

    [Test]
    public void A_servers_local_identity_has_its_name_as_a_dns_name()
    {
        Provision(Manager(), new IdentityPrincipal { Uid = Users.Self, Name = "web", IdTypes = ["local"], IsLocalServer = true });
        _neighbours.Issue = (_, csr) => _pki.IssueRequested(csr);
        foreach (var (method, path, body, name) in new[]
        {
            ("GET", "/identities/modules/web?type=local", "", "web"),
            ("POST", "/identities/modules", """{"type":"local","moduleId":"Edge","localIdOpts":{"type":"x509","attributes":"server"}}""", "Edge"),
        })
        {
            using var document = JsonDocument.Parse(Text(Send(method, path, body)));
            using var leaf = X509Certificate2.CreateFromPem(document.RootElement.GetProperty("spec").GetProperty("auth").GetProperty("certificate").GetString());
            Assert.That(Usages(leaf), Is.EqualTo(new[] { "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1" }));
            Assert.That(leaf.MatchesHostname($"{name}.{Environment.MachineName}.devices.example.com", allowCommonName: false));
        }

        Message.Shown("local_id_exists", Refused("POST", "/identities/modules", """{"type":"local","moduleId":"web"}"""));
        var host = ($".{Environment.MachineName}.", ".HOST.");
        Message.Shown("local_id_name-no-dns-name",
            Refused("POST", "/identities/modules", """{"type":"local","moduleId":"$x","localIdOpts":{"attributes":"server"}}"""), host);
        var tooLong = new string('x', 60);
        var length = $"{tooLong}.{Environment.MachineName}.devices.example.com".Length;
        Message.Shown("local_id_name-too-long", Refused("POST", "/identities/modules", $$"""{"type":"local","moduleId":"{{tooLong}}"}"""),
            host, ($"has {length} characters", "has N characters"));
    }

    [Test]
    public void What_certd_says_against_a_local_identity_is_passed_on()
    {
        Provision(Own("agent", "local"));
        var problem = Refused("GET", "/identities/identity");
        Assert.That((problem.Status, problem.Code), Is.EqualTo((400, "not_configured")));
        Assert.That(problem.Message, Does.Contain("'agent'"));
    }

    [Test]
    public void The_device_is_answered_without_asking_keyd_each_time()
    {
        Provision(Manager());
        Send("POST", "/identities/device", """{"type":"aziot"}""");
        var asked = _neighbours.Asked;
        for (var i = 0; i < 20; i++) Send("POST", "/identities/device", """{"type":"aziot"}""");
        Assert.That(_neighbours.Asked, Is.EqualTo(asked));
    }

    private static IdentityPrincipal Manager() => Own("runtime");

    private static IdentityPrincipal Own(string name, params string[] types) => new() { Uid = Users.Self, Name = name, IdTypes = types };

    private static IEnumerable<string> Usages(X509Certificate2 certificate)
        => certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Cast<Oid>().Select(static oid => oid.Value!);

    private IEnumerable<string> Modules() => _hub.Devices.Find("dev-1")!.Modules.Select(static module => module.ModuleId);

    private void Provision(params IdentityPrincipal[] principals) => Provision(() => principals);

    private void Provision(Func<IReadOnlyList<IdentityPrincipal>> principals)
    {
        var device = _certd.Staged = _pki.Device("dev-1");
        _hub.Devices.Change("dev-1", _ => new HubDevice
        {
            DeviceId = "dev-1",
            Hub = Hub,
            GenerationId = "1",
            Etag = "1",
            Authentication = new HubCredential { Type = "selfSigned", PrimaryThumbprint = device.GetCertHashString(HashAlgorithmName.SHA256) },
        });
        var configuration = new IdentitydConfiguration
        {
            HomedirPath = _folder,
            MaxRequests = 10,
            Principals = [],
            LocalId = new LocalIdSettings { Domain = "devices.example.com" },
            Provisioning = new DpsProvisioning
            {
                ScopeId = "0neTEST",
                GlobalEndpoint = new Positioned<Uri>(_dps.Url, new Position("identityd.toml", 3, 1)),
                TrustedCerts = new Positioned<IReadOnlyList<string>>(["dps-ca"], new Position("identityd.toml", 4, 1)),
                Position = new Position("identityd.toml", 1, 1),
                Authentication = Device.Certificate,
            },
        };
        _service = new IdentityService(configuration, new LocalServerOptions { SocketPath = Path.Combine(_folder, "identityd.sock") }, _certd, _toCertd,
            new KeydQueries(_toKeyd), Open, new BelievedClock(TimeProvider.System, DateTimeOffset.UtcNow.AddDays(-7)), NullLogger.Instance, CancellationToken.None, principals);
        _service.Start();
        var now = _service.Status.WaitUntil(static now => now.Provisioned is not null, TimeSpan.FromSeconds(20), CancellationToken.None);
        Assert.That(now.Provisioned, Is.Not.Null, now.Problem?.ToLogText());
    }

    private OpenedIdentity Open(DeviceCredential credential) => new(SslStreamCertificateContext.Create(_certd.Staged ?? _certd.Current!, null, offline: true), null);

    private LocalReply Send(string method, string path, string body = "", string version = "2022-08-01")
        => _client.Send(method, path + (path.Contains('?') ? "&" : "?") + "api-version=" + version, Encoding.UTF8.GetBytes(body), body.Length > 0 ? "application/json" : null);

    private ProblemException Refused(string method, string path, string body = "") => Assert.Throws<ProblemException>(() => Send(method, path, method is "GET" or "DELETE" ? "" : body))!;

    private static string Text(LocalReply reply) => Encoding.UTF8.GetString(reply.Body);
}
