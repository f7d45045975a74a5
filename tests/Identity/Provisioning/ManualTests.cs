using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>Hub and device id by configuration; the credential proved at the hub.</summary>
public sealed class ManualTests
{
    private readonly TestPki _pki = new("Test CA");

    [Test]
    public void A_staged_certificate_is_proved_at_the_hub_by_a_request_that_changes_nothing()
    {
        using var hub = NewHub();
        using var device = NewDevice(hub);
        var certificate = device.Certd.Staged = _pki.Device("dev-1");
        var state = device.Start().UntilSettled().Provisioned!;
        var call = hub.Calls.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That((call.Method, call.Path, call.Client, call.Authorization),
                Is.EqualTo(("GET", "/devices/dev-1/modules?api-version=2021-04-12", "CN=dev-1", (string?)null)));
            Assert.That(device.Certd.Told, Is.EqualTo(new[] { "confirmed " + certificate.Thumbprint }));
            Assert.That(device.Certd.AskedCommonName, Is.EqualTo("dev-1"));
            Assert.That((state.Hub, state.DeviceId, state.Auth, state.Source, state.CertificateId),
                Is.EqualTo((hub.Url.Authority, "dev-1", DeviceAuth.X509, "manual", "device-id")));
            Assert.That(device.Store.Read(out _), Is.EqualTo(state with { Since = device.Store.Read(out _)!.Since }));
        }
    }

    [Test]
    public void A_staged_certificate_is_not_confirmed_before_the_hub_has_answered()
    {
        var port = FreePort();
        using var device = new Device(_pki.Root, Device.Manual(new Uri($"https://localhost:{port}/")));
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(3);
        device.Certd.Staged = _pki.Device("dev-1");
        Message.Shown("hub_unreachable", device.Start().UntilProblem("hub_unreachable").Problem!);
        Assert.That(device.Certd.Told, Is.Empty);
        Assert.That(device.Status.Now.Provisioned, Is.Null, "nobody else has the certificate yet");
    }

    [Test]
    public void A_certificate_in_use_is_served_while_the_hub_is_out_of_reach()
    {
        var port = FreePort();
        using var device = new Device(_pki.Root, Device.Manual(new Uri($"https://localhost:{port}/")));
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(3);
        device.Certd.Current = _pki.Device("dev-1");
        device.Start().UntilProblem("hub_unreachable");
        Assert.That(device.Status.Require().DeviceId, Is.EqualTo("dev-1"));
        Assert.That(device.Store.Read(out _), Is.Null, "not yet proved, and so asked again after a restart");
    }

    [Test]
    public void A_hub_that_refuses_a_certificate_in_use_takes_nothing_away_and_is_told_of()
    {
        using var hub = NewHub();
        hub.Script = static _ => Error(401, "IotHubUnauthorizedAccess");
        using var device = NewDevice(hub);
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
        device.Certd.Current = _pki.Device("dev-1");
        var now = device.Start().UntilProblem("hub_unauthorized");
        Assert.That(now.Provisioned!.Hub, Is.EqualTo(hub.Url.Authority));
        Message.Shown("hub_unauthorized", now.Problem!, (device.Certd.Current.GetCertHashString(HashAlgorithmName.SHA256), "THUMBPRINT"));
        hub.Script = static _ => Modules();
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        device.Time.Release();
        Assert.That(device.UntilSettled().Problem, Is.Null);
        Assert.That(device.Store.Read(out _), Is.Not.Null);
    }

    [Test]
    public void A_renewed_certificate_that_the_hub_does_not_know_is_kept_until_its_thumbprint_is_registered()
    {
        using var hub = NewHub();
        using var device = NewDevice(hub);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilSettled();
        var old = device.Status.Require();
        var renewed = device.Certd.Staged = _pki.DeviceWithSubject("CN=dev-1, O=renewed");
        var isRegistered = false;
        hub.Script = call => isRegistered || !call.Client!.Contains("renewed", StringComparison.Ordinal)
            ? Modules() : Error(401, "IotHubUnauthorizedAccess");
        var held = 0;
        device.Time.Hold = wait => wait > TimeSpan.FromMinutes(20) && ++held > 0;
        device.Loop.Look();
        Assert.That(() => device.Time.IsHolding, Is.True.After(10_000, 10));
        var problem = device.UntilProblem("hub_unauthorized").Problem!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(hub.Calls, Has.Count.GreaterThan(5), "shown again and again, with growing gaps");
            Assert.That(device.Certd.Told, Has.Count.EqualTo(1),
                "neither confirmed nor refused: another one would have another thumbprint");
            Assert.That(problem.Hint, Does.Contain(renewed.GetCertHashString(HashAlgorithmName.SHA256)).And.Contain("CN=Test CA"));
            Assert.That(device.Status.Require(), Is.EqualTo(old));
        }

        isRegistered = true;
        device.Time.Release();
        device.Until(now => now.Provisioned!.Certificate == MemoryCertd.Text(renewed));
        Assert.That(device.Certd.Told[^1], Is.EqualTo("confirmed " + renewed.Thumbprint));
    }

    [Test]
    public void A_renewed_certificate_that_took_over_unproved_is_served_and_shown_until_the_hub_takes_it()
    {
        using var hub = NewHub();
        using var device = NewDevice(hub);
        device.Certd.Staged = _pki.Device("dev-1");
        device.Start().UntilSettled();
        var renewed = _pki.DeviceWithSubject("CN=dev-1, O=renewed");
        var isRegistered = false;
        hub.Script = call => isRegistered || !call.Client!.Contains("renewed", StringComparison.Ordinal)
            ? Modules() : Error(401, "IotHubUnauthorizedAccess");
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
        // The old one has ended, nobody had proved the new one, and certd has put it into use.
        device.Certd.Current = renewed;
        device.Loop.Look();
        var now = device.UntilProblem("hub_unauthorized");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(now.Provisioned!.DeviceId, Is.EqualTo("dev-1"), "what is provisioned stays so");
            Assert.That(now.Problem!.Hint, Does.Contain(renewed.GetCertHashString(HashAlgorithmName.SHA256)));
            Assert.That(device.Certd.Told, Has.Count.EqualTo(1), "there is nothing to confirm or to refuse");
        }

        isRegistered = true;
        Assert.That(() => device.Time.IsHolding, Is.True.After(10_000, 10));
        device.Time.Hold = static _ => false;
        device.Time.Release();
        device.Until(state => state.Provisioned!.Certificate == MemoryCertd.Text(renewed) && state.Problem is null);
        Assert.That(device.Store.Read(out _)!.Certificate, Is.EqualTo(MemoryCertd.Text(renewed)));
    }

    private static IEnumerable<TestCaseData> NoProofs()
    {
        yield return new TestCaseData(Error(403, "IotHubQuotaExceeded"), "hub_forbidden",
            "says nothing of the credential", "hub_forbidden-manual").SetArgDisplayNames("403");
        yield return new TestCaseData(Error(404, "DeviceNotFound"), "hub_not_found", "register the device", "hub_not_found").SetArgDisplayNames("404");
        yield return new TestCaseData(Error(429, "ThrottlingException") with { RetryAfter = "30" }, "hub_throttled",
            "tried again").SetArgDisplayNames("429");
        yield return new TestCaseData(Error(500, "ServerError"), "hub_server_error", "tried again").SetArgDisplayNames("500");
        yield return new TestCaseData(new DpsReply(302, ""), "hub_bad_answer", "proxy").SetArgDisplayNames("302");
        yield return new TestCaseData(new DpsReply(200, "<html>login</html>") { ContentType = "text/html" }, "hub_bad_answer",
            "proxy", "hub_bad_answer").SetArgDisplayNames("html");
        yield return new TestCaseData(new DpsReply(200, "{}"), "hub_bad_answer", "proxy").SetArgDisplayNames("object");
        yield return new TestCaseData(null, "hub_reset", "certificate").SetArgDisplayNames("hang up");
    }

    [TestCaseSource(nameof(NoProofs))]
    public void What_does_not_judge_the_credential_proves_nothing(object? reply, string code, string hint, string? message = null)
    {
        using var hub = NewHub();
        hub.Script = _ => (DpsReply?)reply;
        using var device = NewDevice(hub);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        var problem = device.Start().UntilProblem(code).Problem!;
        Assert.That(problem.Message, Does.Contain($"{hub.Url}devices/dev-1/modules"));
        Assert.That(problem.Hint, Does.Contain(hint));
        if (message is not null) Message.Shown(message, problem);
        Assert.That(device.Certd.Told, Is.Empty);
        hub.Script = static _ => Modules();
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        if (code == "hub_throttled") Assert.That(device.Time.Waits[^1], Is.EqualTo(TimeSpan.FromSeconds(30)));
        device.Time.Hold = static _ => false;
        device.Time.Release();
        device.UntilSettled();
    }

    [Test]
    public void A_key_is_proved_by_a_token_for_the_device()
    {
        using var hub = NewHub(takesTokens: true);
        using var device = new Device(_pki.Root, Device.Manual(hub.Url) with { DeviceId = "dev+1@x", Authentication = Device.Key });
        using var keyd = new TestKeyd(device.Folder);
        var state = device.Start().UntilSettled().Provisioned!;
        var call = hub.Calls.Single();
        var token = SasParts.Read(call.Authorization);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(call.Path, Is.EqualTo("/devices/dev%2B1%40x/modules?api-version=2021-04-12"));
            Assert.That(token.Resource, Is.EqualTo(Uri.EscapeDataString($"{hub.Url.Authority}/devices/dev%2B1%40x")));
            Assert.That(token.KeyName, Is.Null);
            Assert.That(token.IsBy(keyd.Keys["device-id"]));
            Assert.That((state.Auth, state.KeyId, state.CertificateId), Is.EqualTo((DeviceAuth.Sas, "device-id", "")));
        }
    }

    [Test]
    public void A_key_that_the_hub_refuses_is_told_and_the_device_served_as_configured()
    {
        using var hub = NewHub(takesTokens: true);
        hub.Script = static _ => Error(401, "IotHubUnauthorizedAccess");
        using var device = new Device(_pki.Root, Device.Manual(hub.Url) with { Authentication = Device.Key });
        using var keyd = new TestKeyd(device.Folder);
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
        var now = device.Start().UntilProblem("hub_unauthorized");
        Assert.That(now.Problem!.Hint, Does.Contain("the key that keyd has as 'device-id'"));
        Message.Shown("hub_unauthorized-symmetric-key", now.Problem!);
        Assert.That(now.Provisioned!.DeviceId, Is.EqualTo("dev-1"));
        Assert.That(device.Log.All, Has.One.Contains("served as configured"));
    }

    [Test]
    public void A_hub_whose_name_does_not_resolve_is_told()
    {
        using var device = new Device(_pki.Root, Device.Manual(new Uri("https://hub.invalid/")));
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        device.Certd.Staged = _pki.Device("dev-1");
        Message.Shown("hub_dns", device.Start().UntilProblem("hub_dns").Problem!);
    }

    [Test]
    public void A_nested_device_reaches_its_hub_by_its_gateway()
    {
        using var gateway = NewHub(takesTokens: true);
        var nested = Device.Manual(new Uri("https://hub.invalid/")) with { LocalGatewayHostname = gateway.Url.Authority };
        using var device = new Device(_pki.Root, nested with { Authentication = Device.Key });
        using var keyd = new TestKeyd(device.Folder);
        var state = device.Start().UntilSettled().Provisioned!;
        Assert.That((state.Hub, state.GatewayHost), Is.EqualTo(("hub.invalid", gateway.Url.Authority)));
        Assert.That(SasParts.Read(gateway.Calls.Single().Authorization).Resource, Is.EqualTo("hub.invalid%2Fdevices%2Fdev-1"),
            "a token is for the hub");
    }

    [Test]
    public void Another_hub_in_the_configuration_is_acted_on_at_the_next_start()
    {
        using var hub = NewHub();
        using var first = NewDevice(hub);
        first.Certd.Staged = _pki.Device("dev-1");
        first.Start().UntilSettled();
        first.Stop();
        using var other = NewHub();
        using var again = new Device(_pki.Root, Device.Manual(other.Url), first.Folder, first.Certd);
        again.Loop.Restore();
        Assert.That(again.Status.Now.Provisioned, Is.Null);
        Assert.That(again.Start().UntilSettled().Provisioned!.Hub, Is.EqualTo(other.Url.Authority));
        Assert.That(again.Log.All, Has.Some.Contains($"device dev-1 at hub {hub.Url.Authority} came from source " +
            $"manual").And.Some.Contains($"now it is source manual, device dev-1 at hub {other.Url.Authority}"));
    }

    private TestDps NewHub(bool takesTokens = false)
        => new(_pki.Server("localhost")) { TakesTokens = takesTokens, Script = static _ => Modules() };

    private Device NewDevice(TestDps hub) => new(_pki.Root, Device.Manual(hub.Url));

    private static DpsReply Modules() => new(200, """[{"deviceId":"dev-1","moduleId":"$edgeAgent"}]""");

    private static DpsReply Error(int status, string code) => new(status, $$"""{"Message":"ErrorCode:{{code}};no","ExceptionMessage":"Tracking ID:1"}""");

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
