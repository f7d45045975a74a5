using System.Text.Json;

namespace EstProv.Cli.Tests;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class StatusTests : IDisposable
{
    private const string Provisioned = """
        {"state":"provisioned","endpoint":"https://dps.example/","scope":"0ne0001","certificate":"device-id","hub":"hub.example","device":"dev-1","registrationId":"dev-1","since":"2026-02-28T08:00:00Z"}
        """;

    private const string Credentials = """
        {"credentials":[
          {"id":"bootstrap","state":"preloaded","subject":"CN=dev-1","issuer":"CN=Operator CA","notAfter":"2026-02-27T00:00:00Z","keyAlgorithm":"ec-p256"},
          {"id":"est-id","state":"current","subject":"CN=dev-1","issuer":"CN=EST CA","notAfter":"2026-05-30T12:00:00Z","keyAlgorithm":"ec-p256","url":"https://est.example/.well-known/est","credential":"bootstrap","lastAttempt":"2026-03-01T11:00:00Z","nextRenewal":"2026-04-14T06:00:00Z"},
          {"id":"device-id","state":"current","subject":"CN=dev-1","issuer":"CN=EST CA","notAfter":"2026-03-01T15:30:00Z","keyAlgorithm":"rsa-2048","url":"https://est.example/.well-known/est/device-id","credential":"est-id","lastAttempt":"2026-03-01T11:30:00Z","nextRenewal":"2026-03-01T10:00:00Z",
           "problem":{"message":"https://est.example/.well-known/est/device-id refused the connection","hint":"check the network","code":"est_unreachable"}}
        ]}
        """;

    private readonly FakeDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Test]
    public void A_provisioned_device()
    {
        _device.StartKeyd().StartCertd().StartIdentityd();
        (_device.Status, _device.Credentials) = (Provisioned, Credentials);
        Transcript.Check("status-provisioned", _device, "status");
    }

    [Test]
    public void A_device_that_waits()
    {
        _device.StartKeyd().StartCertd().StartIdentityd();
        _device.Status = """
            {"state":"waiting_to_retry","endpoint":"https://dps.example/","scope":"0ne0001","certificate":"device-id","waitingFor":"the next attempt in 60 s","attempt":2,
             "problem":{"message":"https://dps.example/ did not accept certificate device-id (401)","hint":"enrol its issuer in DPS","code":"dps_unauthorized"}}
            """;
        Transcript.Check("status-waiting", _device, "status");
    }

    [TestCase("dps-key", """{"state":"provisioned","source":"dps","auth":"symmetric_key","endpoint":"https://dps.example/","scope":"0ne0001","key":"device-id","hub":"hub.example","device":"dev-1","registrationId":"dev-1","since":"2026-02-28T08:00:00Z"}""")]
    [TestCase("manual", """{"state":"provisioned","source":"manual","auth":"x509","gateway":"parent.example","certificate":"device-id","hub":"hub.example","device":"dev-1","registrationId":"dev-1","since":"2026-02-28T08:00:00Z"}""")]
    [TestCase("manual-waiting", """{"state":"waiting_for_certificate","source":"manual","auth":"sas","key":"device-id","hub":"hub.example","device":"dev-1","waitingFor":"certificate device-id"}""")]
    [TestCase("none", """{"state":"provisioned","source":"none","auth":"x509","certificate":"device-id","device":"machine-7","registrationId":"machine-7","since":"2026-02-28T08:00:00Z"}""")]
    public void A_device_of_another_source(string name, string status)
    {
        _device.StartKeyd().StartCertd().StartIdentityd();
        _device.Status = status;
        Transcript.Check("status-" + name, _device, "status");
    }

    [Test]
    public void Daemons_that_do_not_run() => Transcript.Check("status-no-daemons", _device, "status");

    [Test]
    public void One_daemon_that_does_not_run()
    {
        _device.StartIdentityd();
        _device.Status = Provisioned;
        Transcript.Check("status-no-certd", _device, "status");
    }

    [Test]
    public void For_programs()
    {
        _device.StartKeyd().StartCertd().StartIdentityd();
        (_device.Status, _device.Credentials) = (Provisioned, Credentials);
        var text = Transcript.Run(_device, ["status", "--json"], out var code);
        using var json = JsonDocument.Parse(text);
        Assert.That(code, Is.Zero);
        Assert.That(json.RootElement.GetProperty("provisioning").GetProperty("hub").GetString(), Is.EqualTo("hub.example"));
        Assert.That(json.RootElement.GetProperty("credentials").GetArrayLength(), Is.EqualTo(3));
        Assert.That(json.RootElement.GetProperty("problems").GetArrayLength(), Is.Zero);
        Assert.That(json.RootElement.GetProperty("token").GetProperty("serial").GetString(), Is.EqualTo("0042"));
        Assert.That(json.RootElement.GetProperty("daemons").GetProperty("certd").GetString(), Is.EqualTo("1.2.3"));
        Assert.That(text, Does.Contain("\n    \"hub\": \"hub.example\","), "one member a line, for sed");
    }

    [Test]
    public void For_programs_when_nothing_runs()
    {
        var text = Transcript.Run(_device, ["status", "--json"], out var code);
        using var json = JsonDocument.Parse(text);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(json.RootElement.GetProperty("provisioning").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(json.RootElement.GetProperty("problems")[0].GetProperty("code").GetString(), Is.EqualTo("identityd_unreachable"));
    }

    [Test]
    public void It_is_shown_again_until_nobody_reads_it()
    {
        _device.StartKeyd().StartCertd().StartIdentityd();
        _device.Status = Provisioned;
        _device.Machine.Pauses = 3;
        var text = Transcript.Run(_device, ["status", "--watch"], out var code);
        Assert.That(text.Split("provisioned since"), Has.Length.EqualTo(4), "three times");
        Assert.That(text, Does.Not.Contain("\e"), "nothing clears what is no terminal");
        Assert.That(code, Is.EqualTo(1));
    }

    [Test]
    public void Colour_leaves_the_columns_where_they_are()
    {
        _device.StartKeyd().StartCertd().StartIdentityd();
        (_device.Status, _device.Credentials) = (Provisioned, Credentials);
        var plain = Transcript.Run(_device, ["status"], out _);
        var coloured = Transcript.Run(_device, ["status"], out _, colour: true);
        Assert.That(coloured, Does.Contain("\e[32mprovisioned\e[0m").And.Contain("\e[31mpreloaded\e[0m"), "an expired certificate is red");
        Assert.That(Uncoloured(coloured), Is.EqualTo(plain));
    }

    private static string Uncoloured(string text)
    {
        while (text.IndexOf('\e') is var at and >= 0) text = text.Remove(at, text.IndexOf('m', at) - at + 1);
        return text;
    }
}
