using System.Text;
using System.Text.Json;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Platform.Network;
using EstProv.Simulator.Est;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>What is told of how a certificate would be got: all that is shown, all that is trusted, and no secret.</summary>
public sealed class IssuancePlanTests
{
    private static readonly EstOptions ServerCaGiven = new() { Quirks = new EstQuirks { CaCertsServerCa = true } };

    [Test]
    public async Task A_ca_of_which_the_fingerprint_is_known_is_told_before_and_after_it_was_fetched()
    {
        await using var device = await TestDevice.CreateAsync(ServerCaGiven);
        var ca = device.Simulator.Pki.EstServer.Certificate;
        var fingerprint = System.Security.Cryptography.SHA256.HashData(ca.RawData);
        Change(device, est => est with { CaFingerprint = TestDevice.At(fingerprint) });
        device.Configuration = device.Configuration with { PreloadedBundles = new Dictionary<string, Positioned<IReadOnlyList<string>>>() };
        device.Start();

        Assert.That(Plan(device, "est-id")["trust"], Is.EqualTo(
            $"the CA with the fingerprint sha256:{Convert.ToHexStringLower(fingerprint)}, which is fetched first "
            + "(ca_fingerprint, certd.toml:1:1)"));
        Assert.That(device.Asked, Is.Empty, "nothing is done");

        device.Parts.Est!.TrustFor(new Uri(device.Base), ShownCredential.Basic, CancellationToken.None);
        Assert.That(Plan(device, "est-id")["trust"],
            Is.EqualTo($"{ca.Subject} (which has the fingerprint of ca_fingerprint, certd.toml:1:1)"));
    }

    [Test]
    public async Task Each_anchor_is_told_with_where_it_comes_from()
    {
        await using var device = await TestDevice.CreateAsync();
        var rescued = device.Simulator.Pki.CloudServer.Certificate;
        Directory.CreateDirectory(device.Configuration.HomedirPath);
        await File.WriteAllTextAsync(Path.Combine(device.Configuration.HomedirPath, "rescue-anchors.pem"),
            rescued.ExportCertificatePem() + "\n");
        Change(device, static est => est with { TrustSystem = true });
        device.Start();
        var rollover = device.Simulator.AnnounceRoot();
        device.Provision();
        var (old, next) = (rollover.Old.Certificate.Subject, rollover.Next.Certificate.Subject);

        Assert.That(Plan(device, "est-id")["trust"], Is.EqualTo($"{old} (from the trust bundle); {rescued.Subject} (from a rescue file); "
            + $"{next} (learnt from this server, which one of the others vouches for); the system's store"));

        device.Stop();
        Change(device, static est => est with { TrustedCerts = TestDevice.At<IReadOnlyList<string>>(["est-ca"]), TrustSystem = false });
        device.Start();
        // The EST identity may still be being looked at after the start.
        Assert.That(Plan(device, "device-id")["trust"],
            Does.StartWith($"{old} (from trusted_certs, certd.toml:1:1); {rescued.Subject} (from a rescue file)"));
    }

    [Test]
    public async Task Certificate_and_password_are_both_told_and_proxy_and_headers_without_what_is_secret_in_them()
    {
        await using var device = await TestDevice.CreateAsync();
        var password = device.FileOf("password");
        await File.WriteAllTextAsync(password, "pass-8f3a\n");
        Change(device, est => est with
        {
            Username = "plant",
            PasswordFile = TestDevice.At(password),
            Headers = [new("X-Api-Key", "key-77c1"), new("X-Tenant", "tenant-4")],
            Proxy = TestDevice.At("http://joe:proxy-5d02@127.0.0.1:1"),
        });
        device.Start();

        var plan = Plan(device, "est-id");
        var shown = $"as a TLS client certificate, and user 'plant' with the password from {password}, by HTTP Basic";
        Assert.That(plan["identity"], Is.EqualTo($"'bootstrap', {shown}, since there is no EST identity yet; simpleenroll"));
        Assert.That(plan["proxy"], Is.EqualTo("127.0.0.1:1, with its user name and password, set by certd.toml:1:1"));
        Assert.That(plan["headers"], Is.EqualTo("X-Api-Key, X-Tenant, with every request"));
        Assert.That(string.Concat(plan.Values),
            Does.Not.Contain("pass-8f3a").And.Not.Contain("key-77c1").And.Not.Contain("tenant-4").And.Not.Contain("proxy-5d02"));
        Assert.That(Plan(device, "device-id")["identity"],
            Is.EqualTo($"'est-id', {shown}; simpleenroll (which is not there yet)"));

        device.Stop();
        Change(device, static est => est with { Method = EstAuthentication.Basic, PasswordIsHashed = true, Proxy = TestDevice.At("none") });
        device.Proxies = ProxyChoice.Always("http://127.0.0.2:1", "https_proxy");
        device.Start();
        plan = Plan(device, "device-id");
        Assert.That(plan["identity"], Is.EqualTo($"user 'plant' with the password from {password}, by HTTP Digest; simpleenroll"));
        Assert.That(plan, Does.Not.ContainKey("proxy"));

        device.Stop();
        Change(device, static est => est with { Proxy = null });
        device.Start();
        Assert.That(Plan(device, "device-id")["proxy"], Is.EqualTo("127.0.0.2:1, set by https_proxy"));
    }

    [Test]
    public async Task A_one_time_credential_is_told_without_its_password()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        device.Provision();
        using var secret = new EstProv.Platform.LockedSecret(16);
        using var grant = new RescueGrant(RescueWay.OneTime, "user 0", null)
        {
            Username = "once",
            Password = secret,
            Since = device.Time.GetTimestamp(),
        };
        var identity = device.Engine.Table.Find("est-id")!;
        lock (device.Engine.Table.Gate) identity.Rescue = grant;
        device.Parts.Rescue!.Hold(grant);

        Assert.That(Plan(device, "est-id")["identity"],
            Is.EqualTo("user 'once' with the password, by HTTP Basic, once, which an operator brought; simpleenroll"));
        lock (device.Engine.Table.Gate) identity.Rescue = null;
    }

    private static void Change(TestDevice device, Func<EstIssuance, EstIssuance> change) =>
        device.Configuration = device.Configuration with { Est = change(device.Configuration.Est!) };

    private static Dictionary<string, string> Plan(TestDevice device, string id)
    {
        using var written = new MemoryStream();
        using (var json = new Utf8JsonWriter(written)) new IssuancePlan(device.Parts, device.Engine).Write(json, id);
        using var plan = JsonDocument.Parse(Encoding.UTF8.GetString(written.ToArray()));
        Assert.That(plan.RootElement.TryGetProperty("problem", out var problem), Is.False, problem.ToString());
        return plan.RootElement.GetProperty("steps").EnumerateArray().ToDictionary(static step => step.GetProperty("step").GetString()!,
            static step => step.GetProperty("plan").GetString()!);
    }
}
