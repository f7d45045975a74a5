using System.Text;
using System.Text.Json;
using EstProv.Configuration;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Api;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;

namespace EstProv.Identity.Tests.Api;

/// <summary>What the two routes about provisioning say of each source, byte for byte.</summary>
public sealed class ProvisioningJsonTests
{
    private static readonly Uri s_dps = new("https://dps.example/"), s_hub = new("https://hub.example/");

    private static IEnumerable<TestCaseData> Sources()
    {
        yield return Case("dps by certificate", Device.Dps(s_dps),
            """{"source":"dps","auth":"x509","endpoint":"https://dps.example/","scope_id":"0neTEST","registration_id":""}""",
            """{"state":"waiting_for_certificate","source":"dps","auth":"x509","endpoint":"https://dps.example/","scope":"0neTEST","certificate":"device-id"}""",
            """{"state":"provisioned","source":"dps","auth":"x509","endpoint":"https://dps.example/","scope":"0neTEST","certificate":"device-id","hub":"hub.example","device":"dev-1","registrationId":"reg-1","since":"2026-02-28T08:00:00Z"}""");
        yield return Case("dps by key", Device.Dps(s_dps) with { RegistrationId = "reg-1", Authentication = Device.Key },
            """{"source":"dps","auth":"symmetric_key","endpoint":"https://dps.example/","scope_id":"0neTEST","registration_id":"reg-1"}""",
            """{"state":"waiting_for_certificate","source":"dps","auth":"symmetric_key","endpoint":"https://dps.example/","scope":"0neTEST","key":"device-id","registrationId":"reg-1"}""",
            """{"state":"provisioned","source":"dps","auth":"symmetric_key","endpoint":"https://dps.example/","scope":"0neTEST","key":"device-id","hub":"hub.example","device":"dev-1","registrationId":"reg-1","since":"2026-02-28T08:00:00Z"}""");
        yield return Case("manual by certificate", Device.Manual(s_hub),
            """{"source":"manual","auth":"x509"}""",
            """{"state":"waiting_for_certificate","source":"manual","auth":"x509","certificate":"device-id","hub":"hub.example","device":"dev-1"}""",
            """{"state":"provisioned","source":"manual","auth":"x509","certificate":"device-id","hub":"hub.example","device":"dev-1","registrationId":"reg-1","since":"2026-02-28T08:00:00Z"}""");
        yield return Case("manual by key behind a gateway",
            Device.Manual(s_hub) with { Authentication = Device.Key, LocalGatewayHostname = "gateway" },
            """{"source":"manual","auth":"sas"}""",
            """{"state":"waiting_for_certificate","source":"manual","auth":"sas","gateway":"gateway","key":"device-id","hub":"hub.example","device":"dev-1"}""",
            """{"state":"provisioned","source":"manual","auth":"sas","gateway":"gateway","key":"device-id","hub":"hub.example","device":"dev-1","registrationId":"reg-1","since":"2026-02-28T08:00:00Z"}""");
        yield return Case("none", Device.None(),
            """{"source":"none"}""",
            """{"state":"waiting_for_certificate","source":"none","auth":"x509","certificate":"device-id"}""",
            """{"state":"provisioned","source":"none","auth":"x509","certificate":"device-id","device":"dev-1","registrationId":"reg-1","since":"2026-02-28T08:00:00Z"}""");
    }

    [TestCaseSource(nameof(Sources))]
    public void Each_source_has_its_shape(object settings, string provisioning, string waiting, string provisioned)
    {
        var of = (ProvisioningSettings)settings;
        var before = new ProvisioningSnapshot { Phase = ProvisioningPhase.WaitingForCertificate };
        var after = new ProvisioningSnapshot { Phase = ProvisioningPhase.Settled, Provisioned = State(of) };
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Text(json => ProvisioningJson.Write(json, of, null)), Is.EqualTo(provisioning));
            Assert.That(Text(json => StatusJson.Write(json, of, before)), Is.EqualTo(waiting));
            Assert.That(Text(json => StatusJson.Write(json, of, after)), Is.EqualTo(provisioned));
        }
    }

    [Test]
    public void A_payload_is_told_where_it_can_be_read()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, """{ "model": 7 }""");
        var settings = Device.Dps(s_dps) with { PayloadFile = new Positioned<string>(file, new Position("identityd.toml", 1, 1)) };
        Assert.That(Text(json => ProvisioningJson.Write(json, settings, State(settings))), Does.EndWith(""","registration_id":"reg-1","payload":{"model":7}}"""));
        File.Delete(file);
        Assert.That(Text(json => ProvisioningJson.Write(json, settings, State(settings))), Does.EndWith(""","registration_id":"reg-1"}"""));
    }

    private static ProvisionedState State(ProvisioningSettings settings)
        => ProvisionedState.Of(settings, new Assignment(settings is NoneProvisioning ? "" : "hub.example", "dev-1"), "reg-1",
            new DeviceKey("device-id"),
            new DateTimeOffset(2026, 2, 28, 8, 0, 0, TimeSpan.Zero));

    private static string Text(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer)) write(json);
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static TestCaseData Case(string name, ProvisioningSettings settings, string provisioning, string waiting, string provisioned)
        => new TestCaseData(settings, provisioning, waiting, provisioned).SetArgDisplayNames(name);
}
