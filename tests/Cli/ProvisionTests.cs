namespace EstProv.Cli.Tests;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ProvisionTests : IDisposable
{
    private const string Provisioned = """
        {"state":"provisioned","endpoint":"https://dps.example/","scope":"0ne0001","certificate":"device-id","hub":"hub.example","device":"dev-1","registrationId":"dev-1","since":"2026-03-01T12:00:02Z"}
        """;

    private readonly FakeDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Test]
    public void Each_step_is_shown_until_hub_and_device_are_known()
    {
        _device.StartCertd().StartIdentityd();
        var looks = 0;
        _device.OnStatus = () =>
        {
            switch (++looks)
            {
                case 1:
                    _device.Certd.Publish("bootstrap", "bootstrap", ("id", "bootstrap"), ("url", "https://est.example/.well-known/est"), ("reason", "there is no EST identity yet"));
                    _device.Certd.Publish("failed", "est-id", ("id", "est-id"), ("url", "https://est.example/.well-known/est"), ("credential", "bootstrap"), ("attempt", "1"),
                        ("code", "est_server_error"), ("message", "https://est.example/.well-known/est/simpleenroll failed (500)"), ("hint", "see the server's log"), ("retrySeconds", "1.0"));
                    break;
                case 2:
                    _device.Time.Advance(TimeSpan.FromSeconds(1));
                    Issued("est-id", "https://est.example/.well-known/est", "bootstrap");
                    _device.Certd.Publish("proved", "est-id", ("where", "used at https://est.example/.well-known/est/device-id"));
                    _device.Certd.Publish("committed", "est-id");
                    _device.Certd.Publish("pending", "device-id", ("url", "https://est.example/.well-known/est/device-id"), ("credential", "est-id"), ("retrySeconds", "1"));
                    break;
                case 3:
                    _device.Time.Advance(TimeSpan.FromSeconds(1));
                    Issued("device-id", "https://est.example/.well-known/est/device-id", "est-id");
                    _device.Certd.Publish("staged", "device-id");
                    _device.Time.Advance(TimeSpan.FromMilliseconds(3));
                    _device.Identityd.Publish("registering", "dev-1", ("url", "https://dps.example/"), ("credential", "device-id"), ("attempt", "1"));
                    _device.Time.Advance(TimeSpan.FromMilliseconds(200));
                    _device.Identityd.Publish("assigned", "dev-1", ("hub", "hub.example"), ("device", "dev-1"), ("url", "https://dps.example/"), ("credential", "device-id"), ("seconds", "0.203"));
                    _device.Certd.Publish("committed", "device-id");
                    _device.Status = Provisioned;
                    break;
            }
        };
        Transcript.Check("provision-wait", _device, "provision", "--wait", "--timeout", "60");
    }

    [Test]
    public void A_time_out_says_what_failed_last()
    {
        _device.StartCertd().StartIdentityd();
        _device.Status = """
            {"state":"waiting_to_retry","endpoint":"https://dps.example/","scope":"0ne0001","certificate":"device-id","waitingFor":"the next attempt in 60 s",
             "problem":{"message":"https://dps.example/ did not accept certificate device-id (401)","hint":"enrol its issuer in DPS","code":"dps_unauthorized"}}
            """;
        Transcript.Check("provision-timeout", _device, "provision", "--wait", "--timeout", "0");
    }

    [Test]
    public void A_time_out_without_a_failure_says_what_is_waited_for()
    {
        _device.StartCertd().StartIdentityd();
        _device.Status = _device.Status.Replace("}", ",\"waitingFor\":\"certificate device-id from the Certificates Service\"}");
        Transcript.Check("provision-timeout-waiting", _device, "provision", "--wait", "--timeout", "0");
    }

    [Test]
    public void Daemons_that_do_not_run_are_waited_for() => Transcript.Check("provision-no-daemons", _device, "provision", "--wait", "--timeout=0");

    [Test]
    public void A_daemon_that_is_absent_is_told_once_whatever_the_other_one_says()
    {
        _device.StartIdentityd();
        var looks = 0;
        _device.OnStatus = () =>
        {
            if (++looks == 5) _device.Time.Advance(TimeSpan.FromMinutes(2));
        };
        var shown = Transcript.Run(_device, ["provision", "--wait", "--timeout=60"], out _);
        Assert.That(shown.Split("waiting: "), Has.Length.EqualTo(2), shown);
    }

    [Test]
    public void Without_waiting_it_says_how_it_stands()
    {
        _device.StartIdentityd();
        Transcript.Check("provision-not-yet", _device, "provision");
        _device.Status = """
            {"state":"waiting_to_retry","waitingFor":"the next attempt in 60 s",
             "problem":{"message":"https://dps.example/ did not accept certificate device-id (401)","hint":"enrol its issuer in DPS","code":"dps_unauthorized"}}
            """;
        Transcript.Check("provision-failing", _device, "provision");
        _device.Status = Provisioned;
        Transcript.Check("provision-done", _device, "provision");
    }

    [Test]
    public void A_time_out_is_a_time_and_goes_with_waiting()
    {
        Transcript.Check("provision-bad-timeout", null, "provision", "--wait", "--timeout", "soon");
        Transcript.Run(null, ["provision", "--wait", "--timeout", "NaN"], out var code);
        Assert.That(code, Is.EqualTo(64));
        Transcript.Check("provision-timeout-alone", null, "provision", "--timeout", "5m");
    }

    [Test]
    public void A_failure_that_is_mended_is_not_the_reason()
    {
        _device.StartCertd().StartIdentityd();
        _device.Status = """{"state":"waiting_to_retry","waitingFor":"the next attempt","problem":{"message":"DPS refused","hint":"","code":"dps_unauthorized"}}""";
        var asked = 0;
        _device.OnStatus = () =>
        {
            if (++asked == 2) _device.Status = """{"state":"registering","waitingFor":"DPS"}""";
            if (asked == 3) _device.Time.Advance(TimeSpan.FromSeconds(60));
        };
        Transcript.Check("provision-mended", _device, "provision", "--wait", "--timeout", "30");
    }

    private void Issued(string id, string url, string credential) => _device.Certd.Publish("issued", id, ("id", id), ("url", url), ("credential", credential),
        ("seconds", "0.085"), ("subjectName", "CN=dev-1"), ("issuer", "CN=EST CA"), ("notAfter", "2026-05-30T12:00:00Z"), ("key", "ec-p256"));
}
