using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace EstProv.Simulator.Tests.Control;

internal sealed class ControlTests
{
    private static readonly string CaCerts = EstClient.Path("default", "cacerts");

    [Test]
    public async Task A_status_fault_acts_as_often_as_told_and_where_told()
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);
        await PostAsync(control, "faults", """{"kind":"status","service":"est","route":"cacerts","label":"default","status":503,"retryAfter":9,"count":2,"skip":1,"body":"busy"}""");
        var client = rig.Client(SimulatorService.Est);

        var elsewhere = await client.GetAsync(EstClient.Path("est-id", "cacerts"));
        var answers = new List<int>();
        var retry = "";
        for (var i = 0; i < 4; i++)
        {
            var answer = await client.GetAsync(CaCerts);
            answers.Add((int)answer.StatusCode);
            retry += answer.Headers.RetryAfter;
        }

        Assert.That(elsewhere.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(answers, Is.EqualTo((int[])[200, 503, 503, 200]));
        Assert.That(retry, Is.EqualTo("99"));
        Assert.That((int?)(await JsonAsync(control, "faults"))[0]!["hits"], Is.EqualTo(2));
    }

    [Test]
    public async Task Faults_are_removed_one_by_one_and_all_at_once()
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);
        var ids = JsonNode.Parse(await PostAsync(control, "faults", """[{"kind":"status","status":500},{"kind":"status","status":404},{"kind":"status","status":429}]"""))!["ids"]!.AsArray();

        await control.DeleteAsync($"faults/{ids[0]}");
        var second = await rig.Client(SimulatorService.Est).GetAsync(CaCerts);
        await control.DeleteAsync("faults");
        var none = await rig.Client(SimulatorService.Est).GetAsync(CaCerts);

        Assert.That(((int)second.StatusCode, (int)none.StatusCode), Is.EqualTo((404, 200)));
    }

    [Test]
    public async Task A_reset_is_no_answer()
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);
        await PostAsync(control, "faults", """{"kind":"reset","count":1}""");
        using var order = new EnrollOrder("CN=dev1");

        var client = rig.Client(SimulatorService.Est, rig.Bootstrap());
        var broken = await Assert.ThrowsAsync<HttpRequestException>(() => EstClient.EnrollAsync(client, "default", order));
        var record = await rig.Host.Recorder.WaitForAsync(static r => r.Route == "simpleenroll", TimeSpan.FromSeconds(30));

        Assert.That((broken!.GetBaseException() as SocketException)?.SocketErrorCode, Is.EqualTo(SocketError.ConnectionReset));
        Assert.That((record?.Status, record?.Fault), Is.EqualTo((0, "Reset")));
        Assert.That(rig.Host.Issuer.Records, Is.Empty);
    }

    [Test]
    public async Task A_half_answer_breaks_off()
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);
        await PostAsync(control, "faults", """{"kind":"half-answer"}""");

        await Assert.ThrowsAsync<HttpRequestException>(() => rig.Client(SimulatorService.Est).GetStringAsync(CaCerts));
    }

    [Test]
    public async Task A_delay_delays()
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);
        await PostAsync(control, "faults", """{"kind":"delay","delayMilliseconds":300}""");
        var client = rig.Client(SimulatorService.Est);

        var watch = Stopwatch.StartNew();
        var answer = await client.GetAsync(CaCerts);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(watch.ElapsedMilliseconds, Is.GreaterThanOrEqualTo(300));
    }

    [Test]
    public async Task A_fault_can_be_for_one_client()
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);
        await PostAsync(control, "faults", """{"kind":"status","status":500,"client":"CN=dev1"}""");

        var one = await rig.Client(SimulatorService.Est, rig.Bootstrap("dev1")).GetAsync(CaCerts);
        var two = await rig.Client(SimulatorService.Est, rig.Bootstrap("dev2")).GetAsync(CaCerts);

        Assert.That(((int)one.StatusCode, (int)two.StatusCode), Is.EqualTo((500, 200)));
    }

    [Test]
    public async Task State_counts_requests_handshakes_and_clients()
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);
        await rig.DeviceIdAsync();

        var state = await JsonAsync(control, "state");

        Assert.That((int?)state["requests"]!["est simpleenroll/est-id 200"], Is.EqualTo(1));
        Assert.That((int?)state["requests"]!["est simpleenroll/device-id 200"], Is.EqualTo(1));
        Assert.That((int?)state["clients"]!["CN=dev1"], Is.EqualTo(2));
        Assert.That((int?)state["tls"]!["est"]!["full"], Is.EqualTo(2));
        Assert.That(state["issued"]!.AsArray().Select(i => (string?)i!["label"]), Is.EquivalentTo((string[])["est-id", "device-id"]));
    }

    [Test]
    public async Task Waiting_for_requests_ends_with_the_next_one()
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);

        var waiting = JsonAsync(control, "requests?after=0&wait=60");
        await rig.Client(SimulatorService.Est).GetAsync(CaCerts);
        var answer = await waiting;

        Assert.That((long?)answer["next"], Is.EqualTo(1));
        Assert.That((string?)answer["requests"]![0]!["route"], Is.EqualTo("cacerts"));
    }

    [Test]
    public async Task The_clock_trust_and_devices_can_be_changed()
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);

        await PostAsync(control, "clock", """{"offsetSeconds":86400}""");
        await PostAsync(control, "trust", new JsonObject { ["service"] = "est", ["pem"] = rig.Pki.EstServer.Certificate.ExportCertificatePem() }.ToJsonString());
        await PostAsync(control, "devices/dev9", """{"status":"disabled","hub":"one.example"}""");

        Assert.That(rig.Host.Clock.Offset, Is.EqualTo(TimeSpan.FromDays(1)));
        using var order = new EnrollOrder("CN=dev1");
        Assert.That((int)(await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, rig.Bootstrap()), "default", order)).StatusCode, Is.EqualTo(401));
        Assert.That((rig.Host.Devices.Find("dev9")?.Status, rig.Host.Devices.Find("dev9")?.Hub), Is.EqualTo(("disabled", "one.example")));
    }

    [TestCase("""{"kind":"no-such-fault"}""")]
    [TestCase("""{"kind":"status","statuss":500}""")]
    [TestCase("""nonsense""")]
    public async Task A_fault_that_is_not_understood_is_400(string body)
    {
        await using var rig = await Rig.StartAsync();
        using var control = Door(rig);
        using var content = new StringContent(body, Encoding.UTF8, "application/json");

        var answer = await control.PostAsync("faults", content);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    private static HttpClient Door(Rig rig) => new() { BaseAddress = new Uri($"http://127.0.0.1:{rig.Host.Ports.Control}/"), Timeout = TimeSpan.FromSeconds(90) };

    private static async Task<string> PostAsync(HttpClient control, string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        var answer = await control.PostAsync(path, content);
        answer.EnsureSuccessStatusCode();
        return await answer.Content.ReadAsStringAsync();
    }

    private static async Task<JsonNode> JsonAsync(HttpClient control, string path) => JsonNode.Parse(await control.GetStringAsync(path))!;
}
