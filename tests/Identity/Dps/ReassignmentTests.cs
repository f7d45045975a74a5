using System.Text.Json;
using EstProv.Identity.Tests.Support;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Server;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Dps;

/// <summary>DPS moves a device to another hub, and says how long it wants to be left alone.</summary>
public sealed class ReassignmentTests
{
    private readonly TestPki _pki = new("Test CA");

    [Test]
    public void Another_hub_is_served_at_once_stored_logged_and_told_to_who_follows()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        var before = device.Start().UntilSettled().Provisioned!;
        device.Time.Advance(TimeSpan.FromDays(1));
        dps.Script = TestDps.Assigning("other-hub.example");
        var asked = device.Loop.Reprovision();
        var now = device.Until(now => now.Reprovisions >= asked).Provisioned!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(now.Hub, Is.EqualTo("other-hub.example"));
            Assert.That(now.Since, Is.GreaterThan(before.Since.AddHours(23)));
            Assert.That(device.Store.Read(out _)!.Hub, Is.EqualTo("other-hub.example"));
            Assert.That(device.Log.All, Has.One.EqualTo("Warning moved: device dev-1 at hub hub.example is device dev-1 at hub " +
                "other-hub.example from now on"));
            Assert.That(Changes(device), Does.Contain("reassigned hub.example > other-hub.example"));
        }
    }

    [Test]
    public void The_same_hub_again_is_no_move()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        var before = device.Start().UntilSettled().Provisioned!;
        device.Time.Advance(TimeSpan.FromDays(1));
        var asked = device.Loop.Reprovision();
        Assert.That(device.Until(now => now.Reprovisions >= asked).Provisioned!.Since, Is.EqualTo(before.Since));
        Assert.That(Changes(device), Has.None.StartsWith("reassigned"));
    }

    [Test]
    public void A_retry_after_that_is_a_date_is_measured_by_the_servers_own_clock()
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        var attempts = 0;
        dps.Script = _ => ++attempts == 1
            ? TestDps.Error(429, "slow down", retryAfter: "Sat, 28 Nov 2020 10:20:00 GMT") with { Date = "Sat, 28 Nov 2020 10:00:00 GMT" }
                : TestDps.Assigned("hub.example", "dev-1");
        using var device = new Device(_pki.Root, dps.Url);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilSettled();
        Assert.That(device.Time.Waits, Is.EqualTo(new[] { TimeSpan.FromMinutes(20) }));
    }

    [TestCase("text/html", true)]
    [TestCase("application/octet-stream", true)]
    [TestCase("application/problem+json", false)]
    [TestCase(null, false)]
    public void An_answer_of_another_kind_is_none(string? type, bool isRefused)
    {
        using var dps = new TestDps(_pki.Server("localhost"));
        dps.Script = _ => TestDps.Assigned("hub.example", "dev-1") with { ContentType = type };
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start();
        if (isRefused) Assert.That(device.UntilProblem("dps_bad_answer").Problem!.Message, Does.Contain($"it is {type}"));
        else device.UntilSettled();
    }

    [Test]
    public void Half_an_answer_is_none()
    {
        using var dps = new TestDps(_pki.Server("localhost")) { Script = _ => TestDps.Assigned("hub.example", "dev-1") with { Half = 40 } };
        using var device = new Device(_pki.Root, dps.Url);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilProblem("dps_reset");
        dps.Script = TestDps.Assigning();
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        device.Time.Release();
        device.UntilSettled();
    }

    /// <summary>Each as its kind, with the hubs of a move.</summary>
    private static List<string> Changes(Device device)
    {
        using var server = new LocalServer(new LocalServerOptions { SocketPath = Path.Combine(device.Folder, "feed.sock") },
            NullLogger.Instance, TimeProvider.System);
        device.Feed.Map(server, ["1"]);
        server.Start();
        using var client = new LocalClient(Path.Combine(device.Folder, "feed.sock"), "root", "feed", TimeSpan.FromSeconds(5));
        using var json = JsonDocument.Parse(client.Send("GET", "/changes?api-version=1&after=0&wait=0").Body);
        return [.. json.RootElement.GetProperty("changes").EnumerateArray().Select(static change => change.GetProperty("kind").GetString()
            + (change.TryGetProperty("hubBefore", out var before) ? $" {before.GetString()} > {change.GetProperty("hub").GetString()}"
                : ""))];
    }
}
