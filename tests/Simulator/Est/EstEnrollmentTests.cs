using System.Net;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Est;
using EstProv.Simulator.Faults;

namespace EstProv.Simulator.Tests.Est;

internal sealed class EstEnrollmentTests
{
    [Test]
    public async Task Cacerts_gives_the_issuing_ca_then_the_root_to_anybody()
    {
        await using var rig = await Rig.StartAsync();

        var answer = await rig.Client(SimulatorService.Est).GetAsync(EstClient.Path("est-id", "cacerts"));

        Assert.That(answer.Content.Headers.ContentType?.ToString(), Is.EqualTo("application/pkcs7-mime; smime-type=certs-only"));
        Assert.That(answer.Headers.GetValues("Content-Transfer-Encoding"), Is.EqualTo((string[])["base64"]));
        var certificates = await EstClient.CertificatesAsync(answer);
        Assert.That(certificates.Select(c => c.Subject), Is.EqualTo((string[])[rig.Pki.Identity.Certificate.Subject, rig.Pki.IdentityRoot.Certificate.Subject]));
    }

    [Test]
    public async Task A_bootstrap_certificate_gets_an_est_identity_for_the_requests_key()
    {
        await using var rig = await Rig.StartAsync();
        using var order = new EnrollOrder("CN=dev1");

        var answer = await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, rig.Bootstrap()), "est-id", order);

        var certificates = await EstClient.CertificatesAsync(answer);
        Assert.That(certificates, Has.Count.EqualTo(1));
        Assert.That(certificates[0].PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(order.Spki));
        Assert.That(certificates[0].Subject, Is.EqualTo("CN=dev1"));
        Assert.That(certificates[0].Issuer, Is.EqualTo(rig.Pki.Identity.Certificate.Subject));
        Assert.That(rig.Host.Issuer.Records.Single().By, Is.EqualTo("certificate CN=dev1"));
    }

    [Test]
    public async Task The_issued_chain_is_valid_by_the_labels_cacerts()
    {
        await using var rig = await Rig.StartAsync();
        var device = await rig.DeviceIdAsync();

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        var authorities = await EstClient.CertificatesAsync(await rig.Client(SimulatorService.Est).GetAsync(EstClient.Path("device-id", "cacerts")));
        chain.ChainPolicy.ExtraStore.Add(authorities[0]);
        chain.ChainPolicy.CustomTrustStore.Add(authorities[1]);

        Assert.That(chain.Build(device.Certificate), Is.True);
        Assert.That(chain.ChainElements, Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_device_ca_is_a_ca_with_path_length_0()
    {
        await using var rig = await Rig.StartAsync();
        var estId = await rig.EnrollAsync("est-id", "CN=dev1", rig.Bootstrap());

        var authority = await rig.EnrollAsync("device-ca", "CN=dev1 CA", estId);

        var constraints = authority.Certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single();
        Assert.That(constraints, Has.Property("CertificateAuthority").True.And.Property("HasPathLengthConstraint").True.And.Property("PathLengthConstraint").Zero);
        Assert.That(authority.Certificate.Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign), Is.True);
    }

    [Test]
    public async Task A_label_issues_by_its_own_profile_whatever_the_request_asks()
    {
        await using var rig = await Rig.StartAsync();
        var client = rig.Client(SimulatorService.Est, rig.Bootstrap());
        using var order = new EnrollOrder("CN=dev1", wantsAuthority: true);

        var certificate = (await EstClient.CertificatesAsync(await EstClient.EnrollAsync(client, "default", order)))[0];

        Assert.That(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority, Is.False);
    }

    [Test]
    public async Task A_server_certificate_keeps_the_names_asked()
    {
        await using var rig = await Rig.StartAsync();
        var estId = await rig.EnrollAsync("est-id", "CN=dev1", rig.Bootstrap());
        using var order = new EnrollOrder("CN=edgehub", "gateway.local");

        var answer = await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, estId), "module-server", order);

        var certificate = (await EstClient.CertificatesAsync(answer))[0];
        Assert.That(certificate.MatchesHostname("gateway.local"), Is.True);
        Assert.That(certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages[0].Value, Is.EqualTo("1.3.6.1.5.5.7.3.1"));
    }

    [Test]
    public async Task A_single_profile_server_issues_cas_at_every_label()
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { SingleProfile = EstProfile.Ca });

        var credential = await rig.EnrollAsync("default", "CN=dev1", rig.Bootstrap());

        Assert.That(credential.Certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority, Is.True);
    }

    [Test]
    public async Task The_chain_is_sent_behind_the_leaf_where_asked_for()
    {
        await using var rig = await Rig.StartWithEstAsync(e => e with { SendChain = true });
        using var order = new EnrollOrder("CN=dev1");

        var answer = await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, rig.Bootstrap()), "est-id", order);

        Assert.That((await EstClient.CertificatesAsync(answer)).Select(c => c.Subject), Is.EqualTo((string[])["CN=dev1", rig.Pki.Identity.Certificate.Subject]));
    }

    [Test]
    public async Task Validity_is_what_was_told_and_ends_with_the_issuers()
    {
        await using var rig = await Rig.StartAsync(o => o with { Validity = 3600 });
        var shortOne = await rig.EnrollAsync("default", "CN=dev1", rig.Bootstrap());
        await using var longRig = await Rig.StartAsync(o => o with { Validity = 100L * 365 * 24 * 3600 });
        var longOne = await longRig.EnrollAsync("default", "CN=dev1", longRig.Bootstrap());

        Assert.That(shortOne.Certificate.NotAfter.ToUniversalTime(), Is.EqualTo(rig.Host.Clock.Now.UtcDateTime.AddHours(1)).Within(TimeSpan.FromMinutes(2)));
        Assert.That(longOne.Certificate.NotAfter, Is.EqualTo(longRig.Pki.DeviceIdentity.Certificate.NotAfter));
    }

    [Test]
    public async Task Http_2_is_spoken_too()
    {
        await using var rig = await Rig.StartAsync();
        using var order = new EnrollOrder("CN=dev1");

        var answer = await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, rig.Bootstrap(), HttpVersion.Version20), "est-id", order);

        Assert.That((answer.StatusCode, answer.Version), Is.EqualTo((HttpStatusCode.OK, HttpVersion.Version20)));
    }

    [Test]
    public async Task Csrattrs_is_204_or_what_the_label_has()
    {
        var attributes = Convert.ToBase64String([0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]);
        await using var rig = await Rig.StartWithEstAsync(e => e with
        {
            Labels = new Dictionary<string, EstLabel>(EstOptions.DefaultLabels, StringComparer.Ordinal)
            {
                ["device-id"] = new EstLabel { Profile = EstProfile.Client, CsrAttributes = attributes },
            },
        });
        var client = rig.Client(SimulatorService.Est);

        var without = await client.GetAsync(EstClient.Path("default", "csrattrs"));
        var with = await client.GetAsync(EstClient.Path("device-id", "csrattrs"));

        Assert.That(without.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That(with.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/csrattrs"));
        Assert.That((await with.Content.ReadAsStringAsync()).Trim(), Is.EqualTo(attributes));
    }

    [Test]
    public async Task A_pending_request_is_issued_when_the_same_one_comes_often_enough()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.Pending, Polls = 2, RetryAfter = 7, Count = 1 });
        var client = rig.Client(SimulatorService.Est, rig.Bootstrap());
        using var order = new EnrollOrder("CN=dev1");

        var first = await EstClient.EnrollAsync(client, "est-id", order);
        var waiting = rig.Host.PendingRequests.Count;
        var second = await EstClient.EnrollAsync(client, "est-id", order);
        var third = await EstClient.EnrollAsync(client, "est-id", order);

        Assert.That(((int)first.StatusCode, (int)second.StatusCode, (int)third.StatusCode), Is.EqualTo((202, 202, 200)));
        Assert.That(first.Headers.RetryAfter?.Delta, Is.EqualTo(TimeSpan.FromSeconds(7)));
        Assert.That((await EstClient.CertificatesAsync(third))[0].PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(order.Spki));
        Assert.That((waiting, rig.Host.PendingRequests.Count), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task Another_request_does_not_inherit_the_waiting_of_the_first()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.Pending, Polls = 1 });
        var client = rig.Client(SimulatorService.Est, rig.Bootstrap());
        using var order = new EnrollOrder("CN=dev1");
        using var other = new EnrollOrder("CN=dev1");

        var first = await EstClient.EnrollAsync(client, "est-id", order);
        var second = await EstClient.EnrollAsync(client, "est-id", other);

        Assert.That(((int)first.StatusCode, (int)second.StatusCode), Is.EqualTo((202, 202)));
    }
}
