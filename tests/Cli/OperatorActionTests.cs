using EstProv.Platform;

namespace EstProv.Cli.Tests;

/// <summary>renew, distrust, rescue: what an operator has the Certificates Service do.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class OperatorActionTests : IDisposable
{
    private readonly FakeDevice _device = new FakeDevice().StartCertd();

    public void Dispose() => _device.Dispose();

    [Test]
    public void A_certificate_is_renewed()
    {
        _device.Answer = """{"state":"current","chain":"x","keyHandle":"x"}""";
        Transcript.Check("renew-done", _device, "renew", "est-id");
        Assert.That(_device.Sent, Is.EqualTo("""/credentials/est-id/renew application/json {"now":false,"waitSeconds":60}"""));
        Transcript.Run(_device, ["renew", "est-id", "--now", "--wait", "2m"], out _);
        Assert.That(_device.Sent, Does.EndWith("""{"now":true,"waitSeconds":120}"""));
    }

    [Test]
    [Description("te PR#3525: a failed renewal exits 0")]
    public void A_renewal_that_is_not_there_yet_or_refused_is_no_success()
    {
        _device.Answer = """{"state":"staged","chain":"x","keyHandle":"x"}""";
        Transcript.Check("renew-staged", _device, "renew", "device-id");
        _device.Answer = """{"state":"pending","problem":{"message":"https://est.example/.well-known/est is busy (503)","hint":"it is tried again by itself","code":"est_busy"}}""";
        Transcript.Check("renew-failed", _device, "renew", "device-id");
        _device.Answer = """{"state":"pending"}""";
        Transcript.Check("renew-not-yet", _device, "renew", "device-id");
        _device.Refusal = new ProblemException("renewed_just_now", "certificate 'device-id' was issued 5 s ago", "it can be renewed again in 55 s", 409);
        Transcript.Check("renew-just-now", _device, "renew", "device-id");
    }

    [Test]
    public void A_ca_is_distrusted()
    {
        _device.Answer = """
            {"distrusted":[{"issuer":"CN=Old CA","since":"2026-03-01T12:00:00Z","overSeconds":86400,"by":"command"}],
             "certificates":[{"id":"est-id","issuer":"CN=Old CA","from":"2026-03-01T18:22:10Z"},{"id":"module-server","issuer":"CN=Old CA"}],
             "unknown":["https://est.example/.well-known/est"]}
            """;
        Transcript.Check("distrust-done", _device, "distrust", "CN=Old CA", "--over", "24h");
        Assert.That(_device.Sent, Is.EqualTo("""/distrusted application/json {"issuer":"CN=Old CA","undo":false,"force":false,"overSeconds":86400}"""));
        Transcript.Check("distrusted", _device, "distrusted");
        Transcript.Run(_device, ["distrust", "CN=Old CA", "--undo", "--force"], out _);
        Assert.That(_device.Sent, Does.EndWith("""{"issuer":"CN=Old CA","undo":true,"force":true}"""));
    }

    [Test]
    public void Nothing_is_distrusted()
    {
        _device.Answer = """{"distrusted":[],"certificates":[],"unknown":[]}""";
        Transcript.Check("distrusted-none", _device, "distrusted");
    }

    [Test]
    public void What_would_lock_the_device_out_is_told()
    {
        _device.Refusal = new ProblemException("distrust_locks_out", "without 'CN=EST CA' the EST server at est.example could not be verified any more, and nothing would be renewed",
            "add the CA that it is to be verified by to [preloaded_certs] first; or distrust this one all the same: --force", 409);
        Transcript.Check("distrust-locks-out", _device, "distrust", "CN=EST CA");
    }

    [Test]
    public void A_one_time_credential_is_brought_from_a_file_without_its_line_end()
    {
        var file = Path.Combine(_device.Folder, "password");
        File.WriteAllText(file, "pass \"wörd\"\n");
        _device.Answer = """{"state":"current"}""";
        Transcript.Check("rescue-done", _device, "rescue", "--user", "once", "--password-file", file);
        Assert.That(_device.Sent, Does.StartWith("/rescue application/json "));
        using var json = System.Text.Json.JsonDocument.Parse(_device.Sent["/rescue application/json ".Length..]);
        Assert.That(json.RootElement.GetProperty("password").GetString(), Is.EqualTo("pass \"wörd\""));
        Assert.That(json.RootElement.GetProperty("user").GetString(), Is.EqualTo("once"));
        File.WriteAllText(file, "\n");
        Transcript.Check("rescue-empty-password", _device, "rescue", "--user", "once", "--password-file", file);
    }

    [Test]
    public void Nobody_waits_longer_than_certd_does()
    {
        Transcript.Check("renew-long-wait", _device, "renew", "device-id", "--wait", "10m");
        Assert.That(_device.Sent, Is.Empty);
    }

    [Test]
    public void A_password_that_is_no_utf8_is_not_sent_as_another_one()
    {
        var file = Path.Combine(_device.Folder, "password");
        File.WriteAllBytes(file, [(byte)'p', 0xE4, (byte)'\n']);
        Transcript.Check("rescue-no-utf8", _device, "rescue", "--user", "once", "--password-file", file);
        Assert.That(_device.Sent, Is.Empty);
    }

    [Test]
    public void A_signed_file_is_brought_as_it_is()
    {
        var file = Path.Combine(_device.Folder, "rescue.p7m");
        File.WriteAllText(file, "signed");
        _device.Answer = """{"state":"taken"}""";
        Transcript.Check("rescue-anchors", _device, "rescue", file);
        Assert.That(_device.Sent, Is.EqualTo("/rescue application/cms signed"));
        _device.Answer = """{"state":"pending"}""";
        Transcript.Check("rescue-not-yet", _device, "rescue", file);
        _device.Refusal = new ProblemException("rescue_used", "the rescue file 2027/1 has been used", "each is good once; have another file made", 409);
        Transcript.Check("rescue-used", _device, "rescue", file);
        File.WriteAllBytes(file, new byte[70_000]);
        Transcript.Check("rescue-too-large", _device, "rescue", file);
    }
}
