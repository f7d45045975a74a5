using System.Net;
using System.Net.Http.Headers;
using EstProv.Simulator.Est;

namespace EstProv.Simulator.Tests.Est;

internal sealed class EstQuirksTests
{
    [Test]
    public async Task Libest_wants_a_line_feed_and_no_chunks_and_takes_pem()
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { Quirks = EstQuirks.LibEst });
        var client = rig.Client(SimulatorService.Est, rig.Bootstrap());
        using var order = new EnrollOrder("CN=dev1");
        var oneLine = Convert.ToBase64String(order.Der);

        Assert.That(await PostAsync(client, oneLine), Is.EqualTo(400));
        Assert.That(await PostAsync(client, oneLine + "\n"), Is.EqualTo(200));
        Assert.That(await PostAsync(client, order.Body, chunked: true), Is.EqualTo(400));
        Assert.That(await PostAsync(client, $"-----BEGIN CERTIFICATE REQUEST-----\n{order.Body}-----END CERTIFICATE REQUEST-----\n"), Is.EqualTo(200));
    }

    [Test]
    public async Task Pem_and_chunks_are_as_with_globalsign_by_default()
    {
        await using var rig = await Rig.StartAsync();
        var client = rig.Client(SimulatorService.Est, rig.Bootstrap());
        using var order = new EnrollOrder("CN=dev1");

        Assert.That(await PostAsync(client, $"-----BEGIN CERTIFICATE REQUEST-----\n{order.Body}-----END CERTIFICATE REQUEST-----\n"), Is.EqualTo(400));
        Assert.That(await PostAsync(client, Convert.ToBase64String(order.Der), chunked: true), Is.EqualTo(200));
    }

    [Test]
    public async Task Libest_gives_the_root_alone_and_closes_after_401()
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { Quirks = EstQuirks.LibEst });
        var client = rig.Client(SimulatorService.Est);
        using var order = new EnrollOrder("CN=dev1");

        var certificates = await EstClient.CertificatesAsync(await client.GetAsync(EstClient.Path("default", "cacerts")));
        var refused = await EstClient.EnrollAsync(client, "default", order);

        Assert.That(certificates.Single().Subject, Is.EqualTo(rig.Pki.IdentityRoot.Certificate.Subject));
        Assert.That((refused.StatusCode, refused.Headers.ConnectionClose), Is.EqualTo((HttpStatusCode.Unauthorized, (bool?)true)));
    }

    [Test]
    public async Task Globalsign_refuses_a_bad_client_certificate_in_the_handshake()
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { Quirks = EstQuirks.GlobalSign });
        var stranger = rig.Pki.NewStranger(rig.Host.Clock.Now);
        using var order = new EnrollOrder("CN=dev1");

        var good = await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, rig.Bootstrap()), "default", order);
        var refused = await Assert.ThrowsAsync<HttpRequestException>(
            () => EstClient.EnrollAsync(rig.Client(SimulatorService.Est, rig.Bootstrap(authority: stranger)), "default", order));

        Assert.That(good.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(refused!.ToString(), Does.Contain("alert unknown ca"));
        Assert.That(rig.Host.Recorder.Requests(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Opencertserver_answers_403_with_bearer_in_unwrapped_base64()
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { Quirks = EstQuirks.OpenCertServer });
        var client = rig.Client(SimulatorService.Est);
        using var order = new EnrollOrder("CN=dev1");

        var refused = await EstClient.EnrollAsync(client, "default", order);
        var authorities = await client.GetAsync(EstClient.Path("default", "cacerts"));

        Assert.That((refused.StatusCode, refused.Headers.WwwAuthenticate.Single()), Is.EqualTo((HttpStatusCode.Forbidden, new AuthenticationHeaderValue("Bearer"))));
        Assert.That(authorities.Headers.Contains("Content-Transfer-Encoding"), Is.False);
        Assert.That(await authorities.Content.ReadAsStringAsync(), Does.Not.Contain("\n"));
    }

    [Test]
    public async Task Who_asks_in_HTTP_1_0_is_answered_in_HTTP_1_0_and_nobody_else_is()
    {
        await using var rig = await Rig.StartAsync();
        var path = EstClient.Path("default", "cacerts");

        var old = await rig.Client(SimulatorService.Est, version: new Version(1, 0)).GetAsync(path);
        var usual = await rig.Client(SimulatorService.Est).GetAsync(path);

        Assert.That((old.Version, usual.Version), Is.EqualTo((new Version(1, 0), new Version(1, 1))));
        Assert.That(await EstClient.CertificatesAsync(old), Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Libest_answers_everybody_in_HTTP_1_0_and_closes()
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { Quirks = EstQuirks.LibEst });
        using var order = new EnrollOrder("CN=dev1");

        var answer = await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, rig.Bootstrap()), "default", order);

        Assert.That((answer.StatusCode, answer.Version, answer.Headers.ConnectionClose), Is.EqualTo((HttpStatusCode.OK, new Version(1, 0), (bool?)true)));
    }

    [Test]
    public async Task Lines_are_as_long_as_told([Values(0, 64, 76)] int columns)
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { Quirks = new EstQuirks { Columns = columns, CarriageReturns = columns == 76 } });

        var text = await rig.Client(SimulatorService.Est).GetStringAsync(EstClient.Path("default", "cacerts"));

        var end = columns == 76 ? "\r\n" : "\n";
        Assert.That(text.IndexOf(end, StringComparison.Ordinal), Is.EqualTo(columns == 0 ? -1 : columns));
    }

    private static async Task<int> PostAsync(HttpClient client, string body, bool chunked = false)
        => (int)(await EstClient.PostAsync(client, "default", "simpleenroll", body, chunked: chunked)).StatusCode;
}
