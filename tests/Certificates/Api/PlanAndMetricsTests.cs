using System.Text;
using System.Text.Json;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.LocalApi;
using EstProv.LocalApi.Tests.Metrics;
using EstProv.Messages;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Api;

/// <summary>What certd tells of what it would do, whether its server answers, and what it counts; with everything real.</summary>
public sealed class PlanAndMetricsTests
{
    private static string Everything => $"[[principal]]\nuid = {Users.Self}\ncerts = [\"*\"]\n";

    [Test]
    public async Task The_plan_names_key_url_identity_and_trust_before_and_after_and_does_nothing()
    {
        await using var certd = await CertdUnderTest.StartAsync(Everything);
        var url = $"https://localhost:{certd.Simulator.Ports.Est}/.well-known/est/";
        var before = Plan(certd, "device-id");
        Assert.That(before["url"], Is.EqualTo(url + "device-id"));
        Assert.That(before["identity"], Does.StartWith("'est-id'").And.EndWith("(which is not there yet)"));
        Assert.That(before["trust"], Does.Contain(certd.Simulator.Pki.EstServer.Certificate.Subject).And.Contain("the trust bundle"));
        Assert.That(before["key"], Does.StartWith("a new key 'device-id' in keyd (ec-p256"));
        Assert.That(Plan(certd, "est-id")["identity"],
            Is.EqualTo("'bootstrap', as a TLS client certificate, since there is no EST identity yet; simpleenroll"));
        using (var list = JsonDocument.Parse(certd.Send("GET", "/credentials").Body))
            Assert.That(list.RootElement.GetProperty("credentials").GetArrayLength(), Is.Zero, "nothing was done");

        await ProvisionAsync(certd);
        Assert.That(Plan(certd, "est-id")["identity"], Does.StartWith("'est-id'").And.Contain("simplereenroll"));
        Assert.That(Plan(certd, "est-id")["when"], Does.StartWith("at 20"));
        Assert.That(Plan(certd, "device-id")["identity"], Does.Contain("until 20"));
        Assert.That(Plan(certd, "device-id")["renewal"], Does.Contain("between 35% and 75%").And.Contain("gaps of up to 1 day"));
        var callers = Plan(certd, "module-server");
        Assert.That(callers["request"], Is.EqualTo("of whoever asks for it, for his own key"));
        Assert.That(callers["policy"], Does.Contain("usages server (the default)"));
        Assert.That(Plan(certd, "module-id")["signature"], Is.EqualTo("by the device CA 'device-ca', with its key in keyd"));
        Assert.That(Plan(certd, "est-ca")["file"], Does.Contain("the operator's"));
        Message.Shown("not_configured", certd.Refused("GET", "/credentials/device-1d/plan"));
    }

    [Test]
    public async Task Whether_the_server_answers_is_asked_by_who_may_have_the_certificate()
    {
        await using var certd = await CertdUnderTest.StartAsync($"[[principal]]\nuid = {Users.Self}\ncerts = [\"device-id\"]\n");
        using (var answer = JsonDocument.Parse(certd.Send("POST", "/credentials/device-id/try", "{}").Body))
        {
            Assert.That(answer.RootElement.GetProperty("verified").GetBoolean(), Is.True);
            Assert.That(answer.RootElement.GetProperty("url").GetString(), Does.EndWith("/.well-known/est/device-id"));
        }

        await certd.Simulator.DisposeAsync();
        var gone = certd.Refused("POST", "/credentials/device-id/try", "{}");
        Assert.That(gone.Code, Is.EqualTo("est_unreachable"));
        Assert.That(gone.Message, Does.Contain($"localhost:{certd.Simulator.Ports.Est}"));
    }

    [Test]
    public async Task A_url_without_an_est_server_behind_it_is_told_and_one_that_is_not_well_is_another_matter()
    {
        await using var certd = await CertdUnderTest.StartAsync(Everything);
        certd.Stop();
        var url = $"https://localhost:{certd.Simulator.Ports.Est}/.well-known/est/nowhere";
        certd.Configure($"{Everything}\n[cert_issuance.stray]\nmethod = \"est\"\nurl = \"{url}/simpleenroll\"\n");
        certd.Start();

        var label = certd.Refused("POST", "/credentials/stray/try", "{}");
        Assert.That(label.Code, Is.EqualTo("est_not_found"));
        Assert.That(label.Message, Does.StartWith($"no EST server answers at {url}: "));
        Assert.That(label.Hint, Does.StartWith("is its label right?"));

        Answer(200, "<html>Welcome to the hotel</html>", "text/html");
        var page = certd.Refused("POST", "/credentials/device-id/try", "{}");
        Assert.That(page.Code, Is.EqualTo("est_bad_answer"));
        Assert.That(page.Message, Does.StartWith("no EST server answers at ").And.Contain("text/html"));

        Answer(500, "oops");
        Assert.That(Try(certd), Is.EqualTo((true, false, "est_server_error")));
        Answer(503, "later");
        Assert.That(Try(certd), Is.EqualTo((true, false, "est_busy")));
        Answer(401, "who are you");
        Assert.That(Try(certd), Is.EqualTo((true, true, (string?)null)));
        // As nginx says to who shows no certificate.
        Answer(400, "No required SSL certificate was sent");
        Assert.That(Try(certd), Is.EqualTo((true, false, "est_rejected")));
        certd.Simulator.Faults.Clear();
        await ProvisionAsync(certd);
        Answer(400, "No required SSL certificate was sent");
        Assert.That(Try(certd), Is.EqualTo((true, true, (string?)null)), "what is in use came from there");

        // What certd does in earnest needs no cacerts.
        Answer(404, "");
        Assert.That(certd.Refused("POST", "/credentials/est-id/try", "{}").Code, Is.EqualTo("est_not_found"));
        using var reset = JsonDocument.Parse(certd.Send("POST", "/reset", "{}").Body);
        Assert.That(reset.RootElement.GetProperty("ids").GetArrayLength(), Is.EqualTo(2), "and a reset is let to try it");

        void Answer(int status, string body, string? type = null)
        {
            certd.Simulator.Faults.Clear();
            certd.Simulator.AddFault(new FaultRule
            {
                Kind = FaultKind.Status,
                Route = "cacerts",
                Status = status,
                Body = body,
                ContentType = type,
            });
        }
    }

    [Test]
    public async Task What_is_served_is_what_the_readme_says()
    {
        await using var certd = await CertdUnderTest.StartAsync(Everything);
        await ProvisionAsync(certd);
        var text = Encoding.UTF8.GetString(certd.Http.Send("GET", "/metrics").Body);
        Assert.That(MetricsPage.Served(text), Is.EqualTo(MetricsPage.Documented("EstProv.Certificates/README.md")));
        Assert.That(MetricsPage.Value(text, "estprov_certificate_attempts_total{result=\"issued\"}"), Is.AtLeast(2));
        Assert.That(MetricsPage.Value(text, "estprov_certificate_attempts_total{result=\"failed\"}"), Is.Zero);
        Assert.That(MetricsPage.Value(text, "estprov_certificate_issued_total{id=\"device-id\"}"), Is.EqualTo(1));
        Assert.That(MetricsPage.Value(text, "estprov_certificate_failures_total{id=\"device-id\"}"), Is.Zero);
        const string Device = "{id=\"device-id\",result=\"issued\"}";
        Assert.That(MetricsPage.Value(text, "estprov_certificate_first_issues_total" + Device), Is.EqualTo(1));
        Assert.That(MetricsPage.Value(text, "estprov_certificate_renewals_total" + Device), Is.Zero);
        using var list = JsonDocument.Parse(certd.Send("GET", "/credentials").Body);
        var device = list.RootElement.GetProperty("credentials").EnumerateArray()
            .Single(static entry => entry.GetProperty("id").GetString() == "device-id");
        Assert.That(DateTimeOffset.FromUnixTimeSeconds((long)MetricsPage.Value(text,
            "estprov_certificate_expiry_timestamp_seconds{id=\"device-id\"}")),
            Is.EqualTo(device.GetProperty("notAfter").GetDateTimeOffset()));
        Assert.That(MetricsPage.Value(text, "estprov_clock_believed"), Is.EqualTo(1));
    }

    private static (bool Verified, bool WantsCredential, string? Problem) Try(CertdUnderTest certd)
    {
        using var answer = JsonDocument.Parse(certd.Send("POST", "/credentials/device-id/try", "{}").Body);
        return (answer.RootElement.GetProperty("verified").GetBoolean(), answer.RootElement.TryGetProperty("wantsCredential", out _),
            answer.RootElement.TryGetProperty("problem", out var problem) ? problem.GetProperty("code").GetString() : null);
    }

    private static Dictionary<string, string> Plan(CertdUnderTest certd, string id)
    {
        using var plan = JsonDocument.Parse(certd.Send("GET", $"/credentials/{id}/plan").Body);
        Assert.That(plan.RootElement.TryGetProperty("problem", out _), Is.False, plan.RootElement.ToString());
        return plan.RootElement.GetProperty("steps").EnumerateArray().ToDictionary(static step => step.GetProperty("step").GetString()!,
            static step => step.GetProperty("plan").GetString()!);
    }

    private static async Task ProvisionAsync(CertdUnderTest certd)
    {
        var answer = await certd.Client.EnsureAsync("device-id", "device-id", null, TimeSpan.FromSeconds(15), CancellationToken.None);
        var spki = CertificateFacts.SpkiOf(PemText.Parse(answer.ChainPem!)[0]);
        await certd.Client.ConfirmAsync("device-id", System.Buffers.Text.Base64Url.DecodeFromChars(spki), CancellationToken.None);
    }
}
