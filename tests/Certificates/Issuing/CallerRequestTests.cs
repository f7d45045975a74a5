using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Certificates.Tests.Issuing;

public sealed class CallerRequestTests
{
    [Test]
    public void The_same_wish_has_the_same_fingerprint_whatever_its_signature()
    {
        var (pem, key) = Csr.Make("CN=a");
        Assert.That(CallerRequest.Read(Csr.Make("CN=a", key: key).Pem).Fingerprint, Is.EqualTo(CallerRequest.Read(pem).Fingerprint));
        Assert.That(CallerRequest.Read(Csr.Make("CN=b", key: key).Pem).Fingerprint, Is.Not.EqualTo(CallerRequest.Read(pem).Fingerprint));
    }

    [Test]
    public void A_request_that_its_own_key_did_not_sign_is_refused()
    {
        var der = Convert.FromBase64String(string.Concat(Csr.Make("CN=a").Pem.Split('\n').Where(line => !line.StartsWith('-'))));
        der[^1] ^= 1;
        Message.Shown("bad_csr-signature", Refusal(PemEncoding.WriteString("CERTIFICATE REQUEST", der)));
    }

    [TestCase("")]
    [TestCase("rubbish")]
    [TestCase("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----")]
    [TestCase("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----")]
    public void What_is_no_request_is_refused(string pem) => Assert.That(CodeOf(pem), Is.EqualTo("bad_csr"));

    [Test]
    public void Nobody_gets_a_ca_by_asking()
    {
        Message.Shown("csr_not_allowed-ca",
            Refusal(Csr.Make("CN=a", r => r.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true))).Pem));
        Assert.That(CodeOf(Csr.Make("CN=a", r => r.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true))).Pem), Is.EqualTo("csr_not_allowed"));
        Assert.That(CodeOf(Csr.Make("CN=a", r => r.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.CrlSign, true))).Pem), Is.EqualTo("csr_not_allowed"));
        Assert.That(CodeOf(Csr.Make("CN=a", r => r.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.9")], false))).Pem), Is.EqualTo("csr_not_allowed"));
    }

    [Test]
    public void Other_alternative_names_than_those_of_hosts_are_refused()
    {
        var upn = new SubjectAlternativeNameBuilder();
        upn.AddUserPrincipalName("admin@example.org");
        Assert.That(CodeOf(Csr.Make("CN=a", r => r.CertificateExtensions.Add(upn.Build())).Pem), Is.EqualTo("csr_not_allowed"));

        var hosts = new SubjectAlternativeNameBuilder();
        hosts.AddDnsName("edge");
        hosts.AddIpAddress(System.Net.IPAddress.Loopback);
        hosts.AddUri(new Uri("azureiot://hub/devices/d/modules/m"));
        Assert.That(CallerRequest.Read(Csr.Make("CN=a", r => r.CertificateExtensions.Add(hosts.Build())).Pem).AlternativeNames, Is.Not.Null);
    }

    [Test]
    public void A_weak_rsa_key_is_refused()
    {
        using var weak = RSA.Create(1024);
        var pem = new CertificateRequest("CN=a", weak, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequestPem();
        Message.Shown("csr_not_allowed-weak-key", Refusal(pem));
    }

    private static string CodeOf(string pem) => Refusal(pem).Code;

    private static ProblemException Refusal(string pem) => Assert.Throws<ProblemException>(() => Judge(pem))!;

    private static void Judge(string pem) =>
        new CsrCheck(() => new HostNames("edge", [])).Demand(CallerRequest.Read(pem), [CsrPolicies.Of("other", null, null)], replacesSubject: false);
}
