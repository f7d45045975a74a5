using System.Net.Security;
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
using EstProv.LocalApi.Tests.Metrics;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Api;

/// <summary>The routes on a real socket, asked by a real client.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class RouteTests : IDisposable
{
    private readonly TestPki _pki = new("Test CA");
    private readonly string _folder = Directory.CreateTempSubdirectory("estprov-identity-").FullName;
    private readonly MemoryCertd _certd = new();
    private readonly TestDps _dps;
    private readonly Neighbours _neighbours;
    private readonly LocalClient _client;
    private readonly LocalClient _toCertd;
    private readonly LocalClient _toKeyd;
    private IdentityService? _service;

    public RouteTests()
    {
        _dps = new TestDps(_pki.Server("localhost")) { TakesTokens = true };
        _neighbours = new Neighbours(_folder);
        _certd.Others["dps-ca"] = [_pki.Root];
        _client = new LocalClient(Path.Combine(_folder, "identityd.sock"), "estprov-identityd", "Identity Service", TimeSpan.FromSeconds(20));
        _toCertd = new LocalClient(Path.Combine(_folder, "certd.sock"), "estprov-certd", "Certificates Service", TimeSpan.FromSeconds(5));
        _toKeyd = new LocalClient(Path.Combine(_folder, "keyd.sock"), "estprov-keyd", "Key Service", TimeSpan.FromSeconds(5));
    }

    public void Dispose()
    {
        _service?.Dispose();
        _client.Dispose();
        _neighbours.Dispose();
        _toCertd.Dispose();
        _toKeyd.Dispose();
        _dps.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void Before_it_is_provisioned_the_device_says_what_it_waits_for()
    {
        _certd.Issuing = new("https://est.example/ answered 401 to bootstrap", "see the EST server", "est_unauthorized");
        Start(Manager());
        _service!.Status.WaitUntil(static now => now.Problem is not null, TimeSpan.FromSeconds(20), CancellationToken.None);
        var problem = Refused("GET", "/identities/identity");
        Assert.That((problem.Status, problem.Code), Is.EqualTo((503, "not_provisioned")));
        Assert.That(problem.Message, Does.Contain("https://est.example/ answered 401 to bootstrap"));
        Assert.That(problem.Hint, Is.EqualTo("see the EST server"));
        Message.Shown("not_provisioned", problem);
        var status = Get("/provisioning-status");
        Assert.That(status.GetProperty("state").GetString(), Is.EqualTo("waiting_for_certificate"));
        Assert.That(status.GetProperty("problem").GetProperty("code").GetString(), Is.EqualTo("est_unauthorized"));
    }

    [Test]
    public void A_provisioned_device_answers_in_the_known_form()
    {
        Provision(Manager());
        const string Expected = """{"type":"aziot","spec":{"hubName":"hub.example","gatewayHost":"hub.example","deviceId":"dev-1","auth":{"type":"x509","keyHandle":"v1.device-id","certId":"device-id"}}}""";
        foreach (var version in ApiVersions.All)
        {
            Assert.That(Text(Send("POST", "/identities/device", """{"type":"aziot"}""", version)), Is.EqualTo(Expected));
            Assert.That(Text(Send("GET", "/identities/identity", version: version)), Is.EqualTo(Expected));
        }

        Assert.That(Text(Send("GET", "/identities/provisioning")), Is.EqualTo(
            $$"""{"source":"dps","auth":"x509","endpoint":"{{_dps.Url}}","scope_id":"0neTEST","registration_id":"dev-1"}"""));
        var status = Get("/provisioning-status");
        Assert.That(status.GetProperty("state").GetString(), Is.EqualTo("provisioned"));
        Assert.That(status.GetProperty("hub").GetString(), Is.EqualTo("hub.example"));
    }

    [Test]
    public void What_is_counted_is_what_the_readme_says()
    {
        Provision(Manager());
        var text = System.Text.Encoding.UTF8.GetString(_client.Send("GET", "/metrics").Body);
        Assert.That(MetricsPage.Served(text), Is.EqualTo(MetricsPage.Documented("EstProv.Identity/README.md")));
        Assert.That(MetricsPage.Value(text, "estprov_provisioned"), Is.EqualTo(1));
        Assert.That(MetricsPage.Value(text, "estprov_provisioning_attempts_total{result=\"assigned\"}"), Is.EqualTo(1));
    }

    [Test]
    public void Dps_and_the_hub_are_asked_whether_they_answer_by_who_manages_identities()
    {
        Provision(Manager());
        _dps.Script = static _ => new DpsReply(404, "{}");
        using var answer = JsonDocument.Parse(Text(Send("POST", "/cloud/try")));
        var servers = answer.RootElement.GetProperty("servers");
        Assert.That(servers[0].GetProperty("url").GetString(), Is.EqualTo(_dps.Url.AbsoluteUri));
        Assert.That(servers[0].TryGetProperty("problem", out _), Is.False, "it answers, whatever it says");
        Assert.That(servers[0].GetProperty("verified").GetBoolean(), Is.True);
        Assert.That(servers[1].GetProperty("url").GetString(), Is.EqualTo("https://hub.example/"));
        Assert.That(servers[1].GetProperty("problem").GetProperty("code").GetString(),
            Is.EqualTo("cloud_dns").Or.EqualTo("cloud_unreachable"));
    }

    [Test]
    public void What_happened_can_be_followed()
    {
        Provision(Manager());
        var kinds = Get("/changes?after=0").GetProperty("changes").EnumerateArray().Select(static change => change.GetProperty("kind").GetString());
        Assert.That(kinds, Is.EqualTo(new[] { "registering", "assigned" }));
    }

    [Test]
    public void A_change_at_the_certificates_service_is_noticed()
    {
        Provision(Manager());
        var renewed = _certd.Staged = _pki.Device("dev-1");
        _neighbours.Feed.Publish("staged", "est-id");
        _neighbours.Feed.Publish("staged", "device-id");
        _service!.Status.WaitUntil(now => now.Provisioned!.Certificate == MemoryCertd.Text(renewed), TimeSpan.FromSeconds(20), CancellationToken.None);
        Assert.That(_certd.Told[^1], Is.EqualTo("confirmed " + renewed.Thumbprint));
    }

    [TestCase("deleted")]
    [TestCase("replaced")]
    public void A_certificate_that_was_forgotten_or_that_an_operator_has_replaced_is_asked_for_at_once(string kind)
    {
        Provision(Manager());
        var another = _pki.Device("dev-1");
        _certd.Current = kind == "deleted" ? null : another;
        _certd.Staged = kind == "deleted" ? another : null;
        _neighbours.Feed.Publish(kind, "device-id");
        var now = _service!.Status.WaitUntil(now => now.Provisioned!.Certificate == MemoryCertd.Text(another), TimeSpan.FromSeconds(20), CancellationToken.None);
        Assert.That(now.Provisioned!.Certificate, Is.EqualTo(MemoryCertd.Text(another)));
    }

    [Test]
    public void Nobody_is_admitted_who_is_not_listed()
    {
        Provision(new IdentityPrincipal { Uid = Users.Self + 1, Name = "else", IdTypes = [] });
        foreach (var (method, path) in new[] { ("GET", "/identities/identity"), ("POST", "/identities/device"),
            ("POST", "/identities/device/reprovision"), ("GET", "/identities/provisioning"), ("POST", "/cloud/try") })
        {
            var problem = Refused(method, path, """{"type":"aziot"}""");
            Assert.That((problem.Status, problem.Code), Is.EqualTo((401, "forbidden")), path);
            Assert.That(problem.Message, Does.StartWith($"user {Users.Self} is not authorized to"));
            Assert.That(problem.Hint, Does.Contain($"uid = {Users.Self}"));
        }
    }

    [TestCase("device", true, false)]
    [TestCase("local", false, false)]
    public void An_idtype_narrows_what_a_principal_gets(string idtype, bool identity, bool reprovision)
    {
        Provision(new IdentityPrincipal { Uid = Users.Self, Name = "firmware", IdTypes = [idtype] });
        Assert.That(Allowed("POST", "/identities/device"), Is.EqualTo(identity));
        if (identity) Assert.That(Allowed("GET", "/identities/identity"));
        Assert.That(Allowed("POST", "/identities/device/reprovision"), Is.EqualTo(reprovision));
        Assert.That(Allowed("GET", "/identities/provisioning"), Is.True);
    }

    [Test]
    public void The_device_registers_again_on_request()
    {
        Provision(Manager());
        _dps.Script = TestDps.Assigning("new-hub.example");
        Assert.That(Send("POST", "/identities/device/reprovision", """{"type":"aziot"}""").Status, Is.EqualTo(204));
        Assert.That(Get("/identities/identity").GetProperty("spec").GetProperty("hubName").GetString(), Is.EqualTo("new-hub.example"));
    }

    [Test]
    public void A_failed_wish_to_register_again_says_why_and_takes_nothing_away()
    {
        Provision(Manager());
        _dps.Script = static _ => TestDps.Ended("disabled");
        var problem = Refused("POST", "/identities/device/reprovision", """{"type":"aziot"}""");
        Assert.That((problem.Status, problem.Code), Is.EqualTo((503, "dps_disabled")));
        Assert.That(Send("GET", "/identities/identity").Status, Is.EqualTo(200));
    }

    [Test]
    public void A_wish_to_register_again_that_takes_longer_than_the_daemon_runs_says_what_is_waited_for()
    {
        Provision(Manager());
        using var asked = new ManualResetEventSlim();
        using var over = new ManualResetEventSlim();
        _dps.Script = _ =>
        {
            asked.Set();
            over.Wait();
            return null;
        };
        var wish = Task.Run(() => Refused("POST", "/identities/device/reprovision", """{"type":"aziot"}"""));
        asked.Wait();
        _service!.Stop();
        var problem = wish.GetAwaiter().GetResult();
        over.Set();
        Assert.That(problem.Status, Is.EqualTo(503));
        Message.Shown("reprovision_pending", problem);
    }

    [Test]
    public void Without_settings_for_them_there_are_no_local_identities()
    {
        Provision(Manager());
        Message.Shown("no_local_ids", Refused("POST", "/identities/modules", """{"type":"local","moduleId":"agent"}"""));
    }

    [TestCase("", 400)]
    [TestCase("{", 422)]
    [TestCase("[]", 422)]
    [TestCase("{}", 422)]
    [TestCase("""{"type":1}""", 422)]
    [TestCase("""{"type":"local"}""", 400)]
    public void A_wrong_body_is_refused(string body, int status)
    {
        Provision(Manager());
        Assert.That(Refused("POST", "/identities/device", body).Status, Is.EqualTo(status));
    }

    [Test]
    public void The_trust_bundle_is_passed_on()
    {
        Start(new IdentityPrincipal { Uid = Users.Self + 1, Name = "else", IdTypes = [] });
        _neighbours.TrustBundle = _pki.Root.ExportCertificatePem() + "\n";
        Assert.That(Get("/identities/trustBundle").GetProperty("certificate").GetString(), Is.EqualTo(_neighbours.TrustBundle));
        _neighbours.TrustBundle = null;
        Assert.That(Refused("GET", "/identities/trustBundle").Code, Is.EqualTo("certificate_not_found"));
    }

    [Test]
    public void The_last_known_handle_is_given_while_the_key_service_restarts()
    {
        Provision(Manager());
        Assert.That(Allowed("GET", "/identities/identity"), Is.True);
        _neighbours.StopKeyd();
        Assert.That(Text(Send("GET", "/identities/identity")), Does.Contain("v1.device-id"));
    }

    private static IdentityPrincipal Manager() => new() { Uid = Users.Self, Name = "runtime", IdTypes = [] };

    private void Provision(params IdentityPrincipal[] principals)
    {
        _certd.Staged = _pki.Device("dev-1");
        Start(principals);
        var now = _service!.Status.WaitUntil(static now => now.Provisioned is not null, TimeSpan.FromSeconds(20), CancellationToken.None);
        Assert.That(now.Provisioned, Is.Not.Null, now.Problem?.ToLogText());
    }

    private void Start(params IdentityPrincipal[] principals)
    {
        var configuration = new IdentitydConfiguration
        {
            HomedirPath = _folder,
            MaxRequests = 10,
            Principals = principals,
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
            new KeydQueries(_toKeyd), Open, new BelievedClock(TimeProvider.System, DateTimeOffset.UtcNow.AddDays(-7)), NullLogger.Instance, CancellationToken.None);
        _service.Start();
    }

    private OpenedIdentity Open(DeviceCredential credential) => new(SslStreamCertificateContext.Create(_certd.WithKey(credential.KeyHandle), null, offline: true), null);

    private LocalReply Send(string method, string path, string body = "", string version = "2020-09-01")
        => _client.Send(method, path + (path.Contains('?') ? "&" : "?") + "api-version=" + version, Encoding.UTF8.GetBytes(body), body.Length > 0 ? "application/json" : null);

    private bool Allowed(string method, string path)
    {
        try
        {
            return Send(method, path, method == "POST" ? """{"type":"aziot"}""" : "").Status is 200 or 204;
        }
        catch (ProblemException problem) when (problem.Status == 401)
        {
            return false;
        }
    }

    private ProblemException Refused(string method, string path, string body = "")
        => Assert.Throws<ProblemException>(() => Send(method, path, method == "POST" ? body : ""))!;

    private JsonElement Get(string path)
    {
        using var document = JsonDocument.Parse(Send("GET", path).Body);
        return document.RootElement.Clone();
    }

    private static string Text(LocalReply reply) => Encoding.UTF8.GetString(reply.Body);
}
