using EstProv.Configuration.Certd;

namespace EstProv.Configuration.Tests;

/// <summary>What <c>[cert_issuance]</c> says of one certificate arrives as it was written.</summary>
internal sealed class IssuanceTests
{
    private const string Est = """

        [cert_issuance.est]
        method = "x509"
        identity_cert = "est-id"
        identity_pk = "est-key"
        username = "plant"
        password_file = "/run/one"

        [cert_issuance.est.headers]
        X-Tenant = "factory-7"
        X-Line = "3"

        [cert_issuance.est.urls]
        default = "https://est.example.com/.well-known/est"

        [preloaded_certs]
        bootstrap = "file:///var/my%20secrets/bootstrap.cer"
        trust-bundle = ["bootstrap"]
        """;

    [Test]
    public void A_certificate_with_all_that_can_be_said_of_it()
    {
        var agent = Load("""
            [cert_issuance.agent]
            method = "est"
            profile = "server"
            alternative_names = ["host", "dns:edge.example.com", "IP:2001:db8::1"]
            url = "https://est2.example.com/.well-known/est/agent/simpleenroll"
            subject = { L = "AQ", st = "Antarctica", "2.5.4.97" = "x", CN = "agent" }

            [cert_issuance.agent.auth]
            identity_cert = "agent"
            identity_pk = "agent-key"
            bootstrap_identity_cert = "bootstrap"
            bootstrap_identity_pk = "bootstrap-key"
            bootstrap_use = "always"
            username = "agent"
            password_file = "/run/two"

            [cert_issuance.agent.csr]
            subject = ["CN=*"]
            alternative_names = []
            usages = ["client"]
            ca = true
            path_length = 2
            """).Issuance["agent"];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(agent.Profile, Is.EqualTo(IssuanceProfile.Server));
            Assert.That(agent.AlternativeNames!.Select(name => name.ToString()), Is.EqualTo(new[] { "host", "DNS:edge.example.com", "IP:2001:db8::1" }));
            Assert.That(agent.Url!.Value.Value.AbsoluteUri, Is.EqualTo("https://est2.example.com/.well-known/est/agent"));
            Assert.That(agent.Subject, Is.EqualTo(new SubjectField[] { new("2.5.4.7", "AQ"), new("2.5.4.8", "Antarctica"), new("2.5.4.97", "x"), new("2.5.4.3", "agent") }));
            Assert.That(agent.CommonName, Is.EqualTo("agent"));
            Assert.That(agent.Auth! with { Position = default, PasswordFile = null }, Is.EqualTo(new EstAccess
            {
                Position = default,
                IdentityCert = "agent",
                IdentityPk = "agent-key",
                BootstrapIdentityCert = "bootstrap",
                BootstrapIdentityPk = "bootstrap-key",
                BootstrapUse = BootstrapUse.Always,
                Username = "agent",
            }));
            Assert.That(agent.Auth!.PasswordFile!.Value.Value, Is.EqualTo("/run/two"));
            Assert.That(agent.Csr!.Subject, Is.EqualTo(new[] { "CN=*" }));
            Assert.That(agent.Csr.AlternativeNames, Is.Empty);
            Assert.That(agent.Csr.Usages, Is.EqualTo(new[] { "client" }));
            Assert.That((agent.Csr.Ca, agent.Csr.PathLength), Is.EqualTo((true, 2)));
        }
    }

    [Test]
    public void A_certificate_of_which_nothing_is_said_leaves_everything_to_the_defaults()
    {
        var plain = Load("[cert_issuance]\ndevice-id = \"self_signed\"\n").Issuance["device-id"];
        Assert.That(plain, Is.EqualTo(new CertificateIssuance { Method = IssuanceMethod.SelfSigned, Position = plain.Position, KeyAlgorithm = "ec-p256" }));
    }

    [Test]
    public void The_shared_table_says_who_we_are_otherwise()
    {
        var certd = Load("[cert_issuance.device-ca]\nmethod = \"self_signed\"\nexpiry_days = 7\npath_length = 1\n");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((certd.Issuance["device-ca"].ExpiryDays, certd.Issuance["device-ca"].PathLength), Is.EqualTo((7, 1)));
            Assert.That(certd.Est!.Headers, Is.EqualTo(new KeyValuePair<string, string>[] { new("X-Tenant", "factory-7"), new("X-Line", "3") }));
            Assert.That(certd.Est.Access.IdentityPk, Is.EqualTo("est-key"));
            Assert.That(certd.Est.Access.Username, Is.EqualTo("plant"));
            Assert.That((certd.Est with { Method = EstAuthentication.Basic }).Access.IdentityCert, Is.Null, "with HTTP Basic alone no certificate is shown");
            Assert.That(certd.PreloadedFiles["bootstrap"].Value, Is.EqualTo("/var/my secrets/bootstrap.cer"));
        }
    }

    [Test]
    public void Each_principal_may_have_a_policy_of_his_own()
    {
        var principals = Load("""
            [[principal]]
            uid = 1
            certs = ["module-server"]
            [principal.csr]
            usages = ["client"]

            [[principal]]
            uid = 1
            certs = ["module-id"]
            """).Principals;
        Assert.That(principals[0].Csr!.Usages, Is.EqualTo(new[] { "client" }));
        Assert.That((principals[0].Csr!.Subject, principals[0].Csr!.Ca), Is.EqualTo(((IReadOnlyList<string>?)null, (bool?)null)));
        Assert.That(principals[0].Csr!.Position.Line, Is.EqualTo(4));
        Assert.That(principals[1].Csr, Is.Null);
    }

    private static CertdConfiguration Load(string text)
    {
        using var folder = new ConfigurationFolder().Write("certd.toml", text + "\n" + Est);
        var loaded = folder.Certd();
        Assert.That(loaded.Errors, Is.Empty);
        return loaded.Value!;
    }
}
