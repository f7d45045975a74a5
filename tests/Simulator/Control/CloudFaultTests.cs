using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EstProv.Simulator.Faults;

namespace EstProv.Simulator.Tests.Control;

/// <summary>Faults on demand at DPS and at the hub.</summary>
internal sealed class CloudFaultTests
{
    [Test]
    public async Task A_status_comes_in_the_services_own_form([Values(429, 500, 503)] int status, [Values] bool date)
    {
        await using var rig = await StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.Status, Status = status, RetryAfter = 7, RetryAfterDate = date });

        foreach (var (service, answer) in await AskAsync(rig))
        {
            var body = await Cloud.JsonAsync(answer);
            var code = service == SimulatorService.Dps ? ((int?)body["errorCode"])!.Value.ToString(CultureInfo.InvariantCulture) : (string?)body["Message"];
            var after = answer.Headers.RetryAfter!;
            Assert.That((int)answer.StatusCode, Is.EqualTo(status));
            Assert.That(code, Does.StartWith(service == SimulatorService.Dps ? status.ToString(CultureInfo.InvariantCulture) : "ErrorCode:"));
            Assert.That(after.Delta ?? after.Date - answer.Headers.Date, Is.EqualTo(TimeSpan.FromSeconds(7)));
        }
    }

    [Test]
    public async Task A_delay_delays()
    {
        await using var rig = await StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.Delay, DelayMilliseconds = 200 });

        var watch = Stopwatch.StartNew();
        var answers = await AskAsync(rig);

        Assert.That(answers.Values.Select(a => a.IsSuccessStatusCode), Is.All.True);
        Assert.That(watch.ElapsedMilliseconds, Is.GreaterThanOrEqualTo(400));
    }

    [Test]
    public async Task A_reset_is_no_answer([Values(SimulatorService.Dps, SimulatorService.Hub)] SimulatorService service)
    {
        await using var rig = await StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = service });

        var broken = await Assert.ThrowsAsync<HttpRequestException>(() => AskAsync(rig, service));

        Assert.That((broken!.GetBaseException() as SocketException)?.SocketErrorCode, Is.EqualTo(SocketError.ConnectionReset));
    }

    [Test]
    public async Task Half_an_answer_breaks_off_after_the_work_was_done([Values(SimulatorService.Dps, SimulatorService.Hub)] SimulatorService service)
    {
        await using var rig = await StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.HalfAnswer, Service = service });

        await Assert.ThrowsAsync<HttpRequestException>(() => AskAsync(rig, service));

        if (service == SimulatorService.Hub)
        {
            Assert.That(rig.Host.Devices.Find("dev1")!.Modules, Has.Count.EqualTo(1));
        }
    }

    [Test]
    public async Task The_content_type_can_be_wrong()
    {
        await using var rig = await StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.WrongContentType });

        var answers = await AskAsync(rig);

        Assert.That(answers.Values.Select(a => a.Content.Headers.ContentType?.MediaType), Is.All.EqualTo("text/html"));
    }

    [TestCase(7200, 401)]
    [TestCase(1800, 200)]
    [TestCase(-7200, 200)]
    public async Task A_clock_that_is_off_shows_in_date_and_lets_tokens_expire(int seconds, int status)
    {
        await using var rig = await StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.ClockSkew, OffsetSeconds = seconds });

        foreach (var (service, answer) in await AskAsync(rig))
        {
            Assert.That((int)answer.StatusCode == 401, Is.EqualTo(status == 401), service.ToString());
            Assert.That(answer.Headers.Date, Is.EqualTo(DateTimeOffset.UtcNow.AddSeconds(seconds)).Within(TimeSpan.FromMinutes(2)));
        }
    }

    [Test]
    public async Task A_clock_that_is_late_finds_certificates_not_yet_valid()
    {
        await using var rig = await Rig.StartAsync();
        var device = await rig.DeviceIdAsync("dev1");
        await Cloud.ResultAsync(rig.Client(SimulatorService.Dps, device), "dev1");
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.ClockSkew, OffsetSeconds = -86400 });

        var dps = await Cloud.RegisterAsync(rig.Client(SimulatorService.Dps, device), "dev1");
        var hub = await rig.Client(SimulatorService.Hub, device).GetAsync($"devices/dev1{Cloud.HubVersion}");

        Assert.That((dps.StatusCode, hub.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized)));
    }

    [Test]
    public async Task A_fault_can_be_for_one_device_by_its_id()
    {
        await using var rig = await StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.Status, Status = 500, Label = "dev2" });

        Assert.That((await AskAsync(rig)).Values.Select(a => a.IsSuccessStatusCode), Is.All.True);
    }

    [Test]
    public async Task The_pace_of_one_registration_can_be_told()
    {
        await using var rig = await StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.DpsState, State = "assigned", RetryAfter = 11, Count = 1 });

        var slow = await AskAsync(rig, SimulatorService.Dps);
        var usual = await AskAsync(rig, SimulatorService.Dps);

        Assert.That((slow.Headers.RetryAfter?.Delta, usual.Headers.RetryAfter?.Delta), Is.EqualTo((TimeSpan.FromSeconds(11), TimeSpan.Zero)));
    }

    private static async Task<Rig> StartAsync()
    {
        var rig = await Rig.StartAsync();
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1));
        Cloud.AddDevice(rig, "dev1", 1);
        return rig;
    }

    private static async Task<Dictionary<SimulatorService, HttpResponseMessage>> AskAsync(Rig rig) => new()
    {
        [SimulatorService.Dps] = await AskAsync(rig, SimulatorService.Dps),
        [SimulatorService.Hub] = await AskAsync(rig, SimulatorService.Hub),
    };

    /// <summary>Registers, or makes a module.</summary>
    private static Task<HttpResponseMessage> AskAsync(Rig rig, SimulatorService service)
    {
        var client = rig.Client(service);
        var now = DateTimeOffset.UtcNow.AddHours(1);
        return service == SimulatorService.Dps
            ? Cloud.RegisterAsync(client, "dev1", Cloud.Token($"{Cloud.Scope}/registrations/dev1", Cloud.Key(1), now, "registration"))
            : Cloud.SendAsync(
                client,
                HttpMethod.Put,
                $"devices/dev1/modules/m{Cloud.HubVersion}",
                """{"moduleId":"m"}""",
                Cloud.Token($"{Cloud.HubHost}/devices/dev1", Cloud.Key(1), now));
    }
}
