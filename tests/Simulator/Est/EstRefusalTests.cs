using System.Net;
using EstProv.Simulator.Est;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Tests.Est;

internal sealed class EstRefusalTests
{
    private static readonly Dictionary<string, string> Users = new(StringComparer.Ordinal) { ["factory"] = "pass:word" };

    [Test]
    public async Task Without_a_credential_the_answer_is_401_with_an_empty_body()
    {
        await using var rig = await Rig.StartAsync();

        var answer = await TryAsync(rig, null, "est-id");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(answer.Headers.WwwAuthenticate, Is.Empty);
        Assert.That(answer.Content.Headers.ContentLength, Is.Zero);
        Assert.That(rig.Host.Issuer.Records, Is.Empty);
    }

    [Test]
    public async Task A_ca_of_the_same_name_but_another_key_is_not_believed()
    {
        await using var rig = await Rig.StartAsync();
        var genuine = rig.Pki.Bootstrap.Certificate;
        var now = rig.Host.Clock.Now;
        using var lookalike = CertificateMaker.MakeAuthority(
            CertificateMaker.CommonName(genuine.SubjectName)!, KeyKind.Ec, null, 0, now.AddDays(-1), now.AddDays(1));

        var answer = await TryAsync(rig, rig.Bootstrap(authority: new Authority("lookalike", lookalike, null)), "est-id");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task A_certificate_is_judged_by_the_simulators_clock()
    {
        await using var rig = await Rig.StartAsync();
        var bootstrap = rig.Bootstrap();
        rig.Host.Clock.Offset = TimeSpan.FromDays(1001);

        var expired = await TryAsync(rig, bootstrap, "est-id");
        rig.Host.Clock.Offset = TimeSpan.FromDays(-1);
        var early = await TryAsync(rig, bootstrap, "est-id");
        rig.Host.Clock.Offset = TimeSpan.Zero;
        var valid = await TryAsync(rig, bootstrap, "est-id");

        Assert.That(((int)expired.StatusCode, (int)early.StatusCode, (int)valid.StatusCode), Is.EqualTo((401, 401, 200)));
    }

    [Test]
    public async Task A_server_certificate_authenticates_no_client()
    {
        await using var rig = await Rig.StartAsync();
        var now = rig.Host.Clock.Now;
        var server = new Credential(CertificateMaker.MakeServer(KeyKind.Ec, rig.Pki.Bootstrap, now.AddDays(-1), now.AddDays(1), "dev1"));

        var answer = await TryAsync(rig, server, "est-id");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task A_bootstrap_certificate_may_not_have_a_device_ca()
    {
        await using var rig = await Rig.StartAsync();

        var answer = await TryAsync(rig, rig.Bootstrap(), "device-ca");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That(answer.Content.Headers.ContentType?.MediaType, Is.EqualTo("text/plain"));
    }

    [Test]
    public async Task A_device_id_may_not_have_a_device_ca()
    {
        await using var rig = await Rig.StartAsync();

        var answer = await TryAsync(rig, await rig.DeviceIdAsync(), "device-ca");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [Test]
    public async Task What_a_device_has_minted_itself_is_no_credential_here()
    {
        await using var rig = await Rig.StartAsync();
        var estId = await rig.EnrollAsync("est-id", "CN=dev1", rig.Bootstrap());
        var authority = await rig.EnrollAsync("device-ca", "CN=dev1 CA", estId);

        var answer = await TryAsync(rig, authority.Mint("dev1", rig.Host.Clock.Now), "device-ca");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task An_est_identity_issued_before_a_restart_is_still_one()
    {
        await using var rig = await Rig.StartAsync();
        var estId = await rig.EnrollAsync("est-id", "CN=dev1", rig.Bootstrap());
        await rig.RestartAsync();

        var answer = await TryAsync(rig, estId, "device-ca");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Reenrolment_takes_the_certificates_own_subject_and_names_only()
    {
        await using var rig = await Rig.StartAsync();
        var device = await rig.DeviceIdAsync();
        var client = rig.Client(SimulatorService.Est, device);
        using var same = new EnrollOrder("CN=dev1");
        using var other = new EnrollOrder("CN=dev2");
        using var named = new EnrollOrder("CN=dev1", "dev1.local");

        Assert.That((int)(await EstClient.EnrollAsync(client, "device-id", same, "simplereenroll")).StatusCode, Is.EqualTo(200));
        Assert.That((int)(await EstClient.EnrollAsync(client, "device-id", other, "simplereenroll")).StatusCode, Is.EqualTo(403));
        Assert.That((int)(await EstClient.EnrollAsync(client, "device-id", named, "simplereenroll")).StatusCode, Is.EqualTo(403));
    }

    [Test]
    public async Task A_request_that_its_key_has_not_signed_is_400()
    {
        await using var rig = await Rig.StartAsync();
        using var order = new EnrollOrder("CN=dev1");
        order.Der[^1] ^= 1;

        var answer = await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, rig.Bootstrap()), "est-id", order);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [TestCase("not base64!", "application/pkcs10", 400)]
    [TestCase("", "application/pkcs10", 400)]
    [TestCase("AAAA", "application/pkcs10", 400)]
    [TestCase("AAAA", "text/plain", 415)]
    public async Task A_body_that_is_no_request_is_refused(string body, string contentType, int status)
    {
        await using var rig = await Rig.StartAsync();

        var answer = await EstClient.PostAsync(rig.Client(SimulatorService.Est, rig.Bootstrap()), "est-id", "simpleenroll", body, contentType);

        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [TestCase("GET", "est-id", "simpleenroll", 405)]
    [TestCase("GET", "nowhere", "cacerts", 404)]
    [TestCase("GET", "est-id", "fullcmc", 404)]
    public async Task What_is_not_there_is_refused(string method, string label, string operation, int status)
    {
        await using var rig = await Rig.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), EstClient.Path(label, operation));

        var answer = await rig.Client(SimulatorService.Est).SendAsync(request);

        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [TestCase("factory:pass:word", 200)]
    [TestCase("factory:password", 401)]
    [TestCase("somebody:pass:word", 401)]
    [TestCase(null, 401)]
    public async Task Basic_is_verified(string? basic, int status)
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { BasicUsers = Users });

        var answer = await TryAsync(rig, null, "device-ca", basic);

        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        Assert.That(answer.Headers.WwwAuthenticate.ToString(), Is.EqualTo(status == 401 ? "Basic realm=\"estrealm\"" : ""));
    }

    [TestCase(EstRequirement.Certificate, true, false, 200)]
    [TestCase(EstRequirement.Certificate, false, true, 401)]
    [TestCase(EstRequirement.Basic, true, false, 401)]
    [TestCase(EstRequirement.Basic, false, true, 200)]
    [TestCase(EstRequirement.Both, true, false, 401)]
    [TestCase(EstRequirement.Both, false, true, 401)]
    [TestCase(EstRequirement.Both, true, true, 200)]
    public async Task What_is_required_must_be_there(EstRequirement require, bool certificate, bool password, int status)
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { BasicUsers = Users, Require = require });

        var answer = await TryAsync(rig, certificate ? rig.Bootstrap() : null, "est-id", password ? "factory:pass:word" : null);

        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [Test]
    public async Task A_subject_bound_to_the_client_cannot_be_anothers()
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { BindSubject = true });

        var own = await TryAsync(rig, rig.Bootstrap("dev1"), "est-id", subject: "CN=dev1");
        var other = await TryAsync(rig, rig.Bootstrap("dev1"), "est-id", subject: "CN=dev10");

        Assert.That(((int)own.StatusCode, (int)other.StatusCode), Is.EqualTo((200, 403)));
    }

    [Test]
    public async Task Other_bootstrap_cas_can_be_trusted_instead()
    {
        await using var rig = await Rig.StartAsync();
        var stranger = rig.Pki.NewStranger(rig.Host.Clock.Now);
        rig.Host.SetTrust(SimulatorService.Est, [stranger.Certificate]);

        var before = await TryAsync(rig, rig.Bootstrap(), "est-id");
        var after = await TryAsync(rig, rig.Bootstrap(authority: stranger), "est-id");

        Assert.That(((int)before.StatusCode, (int)after.StatusCode), Is.EqualTo((401, 200)));
    }

    private static async Task<HttpResponseMessage> TryAsync(Rig rig, Credential? credential, string label, string? basic = null, string subject = "CN=dev1")
    {
        using var order = new EnrollOrder(subject);
        return await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, credential), label, order, basic: basic);
    }
}
