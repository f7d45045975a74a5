using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Tests.Issuing;

/// <summary>What a caller's request may ask: each thing is refused with its name and the line of the policy, and taken where the policy has it.</summary>
public sealed class CsrCheckTests
{
    private const string ServerAuth = "1.3.6.1.5.5.7.3.1", ClientAuth = "1.3.6.1.5.5.7.3.2", CodeSigning = "1.3.6.1.5.5.7.3.3";

    private static readonly HostNames Host = new("edge", [IPAddress.Parse("192.0.2.7"), IPAddress.Parse("2001:db8::7")]);

    private static CsrPolicy Policy => new() { Position = new Position("/etc/estprov/certd.toml", 12, 1) };

    [Test]
    public void A_refusal_names_what_the_policys_line_and_the_way_out()
    {
        var refusal = Refusal("module-server", Policy with { AlternativeNames = ["host", "DNS:*.factory.example"] }, Names(dns: "evil.example"));
        Assert.That(refusal.Message, Is.EqualTo(
            "the certificate request for 'module-server' asks for the alternative name DNS:evil.example; [cert_issuance.module-server.csr] (/etc/estprov/certd.toml:12:1) " +
            "allows host, DNS:*.factory.example"));
        Assert.That(refusal.Hint, Is.EqualTo(
            "leave it out of the request, or allow it in the Certificates Service's configuration: alternative_names = [\"DNS:evil.example\"] in [cert_issuance.module-server.csr]"));
        Assert.That(refusal.Status, Is.EqualTo(400));
    }

    [TestCase("DNS:*.factory.example", "a.factory.example", true)]
    [TestCase("DNS:*.factory.example", "A.FACTORY.example", true)]
    [TestCase("DNS:*.factory.example", "factory.example", false)]
    [TestCase("DNS:*.factory.example", "a.factory.example.org", false)]
    [TestCase("DNS:edge-?", "edge-1", true)]
    [TestCase("DNS:edge-?", "edge-12", false)]
    [TestCase("host", "EDGE", true)]
    [TestCase("host", "other", false)]
    [TestCase("*", "anything", true)]
    [TestCase("IP:*", "edge", false)]
    [TestCase("*", "*.factory.example", false)]
    [TestCase("DNS:*", "*.factory.example", false)]
    [TestCase("DNS:*.factory.example", "*.factory.example", true)]
    public void Dns_names(string pattern, string asked, bool isAllowed) =>
        Assert.That(IsAllowed(Policy with { AlternativeNames = [pattern] }, Names(dns: asked)), Is.EqualTo(isAllowed));

    [TestCase("IP:192.0.2.0/24", "192.0.2.99", true)]
    [TestCase("IP:192.0.2.0/24", "192.0.3.1", false)]
    [TestCase("IP:2001:db8::/32", "2001:db8:1::1", true)]
    [TestCase("IP:192.0.2.0/24", "2001:db8::1", false)]
    [TestCase("IP:192.0.2.1", "192.0.2.1", true)]
    [TestCase("IP:192.0.2.1", "192.0.2.11", false)]
    [TestCase("IP:*", "198.51.100.1", true)]
    [TestCase("host", "192.0.2.7", true)]
    [TestCase("host", "2001:db8::7", true)]
    [TestCase("host", "192.0.2.8", false)]
    [TestCase("DNS:*", "192.0.2.1", false)]
    public void Addresses(string pattern, string asked, bool isAllowed) =>
        Assert.That(IsAllowed(Policy with { AlternativeNames = [pattern] }, Names(ip: asked)), Is.EqualTo(isAllowed));

    [TestCase("URI:azureiot://*", "azureiot://hub/devices/d/modules/m", true)]
    [TestCase("URI:azureiot://*", "urn:x", false)]
    [TestCase("DNS:*", "urn:x", false)]
    public void Uris(string pattern, string asked, bool isAllowed) =>
        Assert.That(IsAllowed(Policy with { AlternativeNames = [pattern] }, Names(uri: asked)), Is.EqualTo(isAllowed));

    [TestCase("email:*@example.com", true)]
    [TestCase("email:other@*", false)]
    public void Mail_addresses(string pattern, bool isAllowed) =>
        Assert.That(IsAllowed(Policy with { AlternativeNames = [pattern] }, Names(email: "edge@example.com")), Is.EqualTo(isAllowed));

    [Test]
    public void Every_name_of_a_request_must_be_allowed() =>
        Assert.That(Refusal("x", Policy with { AlternativeNames = ["DNS:*"] }, Names(dns: "a", ip: "192.0.2.1")).Message, Does.Contain("IP:192.0.2.1"));

    [Test]
    public void A_name_that_some_would_read_only_half_is_refused_whatever_the_policy()
    {
        // dNSName "edge" NUL ".evil.example", as it cannot be made by a builder.
        var extension = new X509Extension("2.5.29.17", [0x30, 0x0D, 0x82, 0x0B, .. "edge\0.evil."u8], critical: false);
        Assert.That(Refusal("x", Policy with { AlternativeNames = ["*"] }, Extension(extension)).Message, Does.Contain("characters that no such name has"));
    }

    [TestCase("CN=edge-*", "CN=edge-1", true)]
    [TestCase("CN=edge-*", "CN=hub", false)]
    [TestCase("CN=edge-*", "CN=edge-1, O=Example", false)]
    [TestCase("CN=edge-* O=Example", "CN=edge-1, O=Example", true)]
    [TestCase("CN=edge-* o=Example", "CN=edge-1, O=Other", false)]
    [TestCase("host", "CN=edge", true)]
    [TestCase("host", "CN=hub", false)]
    [TestCase("host", "O=edge", false)]
    [TestCase("*", "CN=hub, O=Other", true)]
    [TestCase("CN=*", "", true)]
    public void Subjects(string patterns, string asked, bool isAllowed) =>
        Assert.That(IsAllowed(Policy with { Subject = patterns.Split(' ') }, subject: asked), Is.EqualTo(isAllowed));

    [Test]
    public void A_refused_subject_says_which_attribute() =>
        Assert.That(Refusal("x", Policy with { Subject = ["CN=*"] }, subject: "CN=edge, O=Example").Message, Does.Contain("asks for the subject attribute O=Example; "));

    [Test]
    public void A_subject_that_the_configuration_replaces_is_not_looked_at()
    {
        var request = CallerRequest.Read(Csr.Make("CN=hub").Pem);
        Assert.That(() => Check(request, [CsrPolicies.Of("x", Policy with { Subject = ["host"] }, null)], replacesSubject: true), Throws.Nothing);
    }

    [TestCase("server", ServerAuth, true)]
    [TestCase("server", ClientAuth, false)]
    [TestCase("client", ClientAuth, true)]
    [TestCase("client", CodeSigning, false)]
    public void Extended_key_usages(string usage, string asked, bool isAllowed) =>
        Assert.That(IsAllowed(Policy with { Usages = [usage] }, Extension(new X509EnhancedKeyUsageExtension([new Oid(asked)], false))), Is.EqualTo(isAllowed));

    [Test]
    public void A_ca_only_where_the_policy_says_so()
    {
        var ca = Extension(new X509BasicConstraintsExtension(true, false, 0, true));
        var refusal = Refusal("aziot-edged-ca", null, ca);
        Assert.That(refusal.Message, Is.EqualTo("the certificate request for 'aziot-edged-ca' asks for a CA certificate; the default allows none"));
        Assert.That(refusal.Hint, Does.EndWith("ca = true in [cert_issuance.aziot-edged-ca.csr]"));
        Assert.That(IsAllowed(Policy with { Ca = true }, ca), Is.True);
        Assert.That(IsAllowed(Policy with { Ca = false }, ca), Is.False);
        Assert.That(IsAllowed(Policy with { Ca = true }, Extension(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true))), Is.False, "the usage without the constraint");
    }

    [TestCase("module-server", ServerAuth, true)]
    [TestCase("module-server", ClientAuth, false)]
    [TestCase("module-id", ClientAuth, true)]
    [TestCase("module-id", ServerAuth, false)]
    [TestCase("other", ServerAuth, true)]
    [TestCase("other", ClientAuth, true)]
    public void By_default_servers_are_servers_and_modules_are_clients(string id, string asked, bool isAllowed) =>
        Assert.That(IsAllowed(null, Extension(new X509EnhancedKeyUsageExtension([new Oid(asked)], false)), id: id), Is.EqualTo(isAllowed));

    [Test]
    public void What_iot_edges_modules_ask_for_is_allowed_by_default()
    {
        Assert.That(IsAllowed(null, Names(dns: "edgehub", ip: "192.0.2.1"), id: "module-server", subject: "CN=edge.example.com"), Is.True);
        Assert.That(IsAllowed(null, Names(dns: "module-1", uri: "azureiot://hub/devices/d/modules/m"), id: "module-id"), Is.True);
        Assert.That(IsAllowed(null, Names(uri: "urn:x"), id: "module-server"), Is.False);
    }

    [Test]
    public void A_callers_policy_goes_before_the_certificates_and_that_before_the_default()
    {
        var all = new CertificateIssuance { Method = IssuanceMethod.Est, Position = Policy.Position, KeyAlgorithm = "ec-p256", Csr = Policy with { Usages = ["server"], Ca = true } };
        var caller = new CsrPolicy { Position = new Position("/etc/estprov/certd.toml", 40, 1), Usages = ["client"] };
        var client = CallerRequest.Read(Csr.Make("CN=a", Extension(new X509EnhancedKeyUsageExtension([new Oid(ClientAuth)], false))).Pem);
        var ca = CallerRequest.Read(Csr.Make("CN=a", Extension(new X509BasicConstraintsExtension(true, false, 0, true))).Pem);

        Assert.That(() => Check(client, [CsrPolicies.Of("x", caller, all)]), Throws.Nothing);
        Assert.That(() => Check(ca, [CsrPolicies.Of("x", caller, all)]), Throws.Nothing, "what he is told nothing of is as for all");
        Assert.That(() => Check(client, [CsrPolicies.Of("x", null, all)]), Throws.TypeOf<ProblemException>());
        Assert.That(() => Check(client, [CsrPolicies.Of("x", null, all), CsrPolicies.Of("x", caller, all)]), Throws.Nothing, "of several entries each gives what it says");
        var server = CallerRequest.Read(Csr.Make("CN=a", Extension(new X509EnhancedKeyUsageExtension([new Oid(ServerAuth)], false))).Pem);
        Assert.That(() => Check(server, [CsrPolicies.Of("x", caller, all)]), Throws.TypeOf<ProblemException>().With.Message.Contains("[principal.csr] (/etc/estprov/certd.toml:40:1)"));
    }

    private static EffectivePolicy Check(CallerRequest request, IReadOnlyList<EffectivePolicy> policies, bool replacesSubject = false) =>
        new CsrCheck(() => Host).Demand(request, policies, replacesSubject);

    private static bool IsAllowed(CsrPolicy? policy, Action<CertificateRequest>? more = null, string id = "x", string subject = "CN=edge")
    {
        try
        {
            Check(CallerRequest.Read(Csr.Make(subject, more).Pem), [CsrPolicies.Of(id, null, Issuance(policy))]);
            return true;
        }
        catch (ProblemException refusal)
        {
            Assert.That(refusal.Code, Is.EqualTo("csr_not_allowed"));
            return false;
        }
    }

    private static ProblemException Refusal(string id, CsrPolicy? policy, Action<CertificateRequest>? more = null, string subject = "CN=edge") =>
        Assert.Throws<ProblemException>(() => Check(CallerRequest.Read(Csr.Make(subject, more).Pem), [CsrPolicies.Of(id, null, Issuance(policy))]))!;

    private static CertificateIssuance? Issuance(CsrPolicy? policy) =>
        policy is null ? null : new CertificateIssuance { Method = IssuanceMethod.Est, Position = policy.Position, KeyAlgorithm = "ec-p256", Csr = policy };

    private static Action<CertificateRequest> Extension(X509Extension extension) => request => request.CertificateExtensions.Add(extension);

    private static Action<CertificateRequest> Names(string? dns = null, string? ip = null, string? uri = null, string? email = null)
    {
        var names = new SubjectAlternativeNameBuilder();
        if (dns is not null) names.AddDnsName(dns);
        if (ip is not null) names.AddIpAddress(IPAddress.Parse(ip));
        if (uri is not null) names.AddUri(new Uri(uri));
        if (email is not null) names.AddEmailAddress(email);
        return Extension(names.Build());
    }
}
