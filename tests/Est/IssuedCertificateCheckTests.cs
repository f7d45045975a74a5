using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Est.Tests;

/// <summary>What is taken from a server, and what is not: a server that errs must do no harm.</summary>
public sealed class IssuedCertificateCheckTests
{
    private static readonly X500DistinguishedName Subject = new("CN=device-1");

    private static readonly IssuedFrom From = new()
    {
        Url = new Uri("https://est.example/.well-known/est/one"),
        Credential = "est-id",
        CertificateId = "device-ca",
    };

    [Test]
    public void A_leaf_alone_is_completed_from_the_CA_certificates_and_stored_without_the_root()
    {
        using var est = new EstFixture();

        var chain = Verify(est, [est.Issuing.Issue(est.Csr)], caCertificates: [est.Root.Public, est.Issuing.Public]);

        Assert.Multiple(() =>
        {
            Assert.That(chain.Certificates.Select(certificate => certificate.Subject), Is.EqualTo(["CN=device-1", "CN=Test issuing CA"]));
            Assert.That(chain.Leaf.PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(est.Spki));
            Assert.That(chain.Anchor.Subject, Is.EqualTo("CN=Test root"));
            Assert.That(chain.Notes, Is.Empty);
        });
        var pem = new X509Certificate2Collection();
        pem.ImportFromPem(chain.ToPem());
        Assert.That(pem.Select(certificate => certificate.Subject), Is.EqualTo(["CN=device-1", "CN=Test issuing CA"]));
        Assert.That(chain.ToPem(), Does.EndWith("-----END CERTIFICATE-----\n"));
    }

    [Test]
    public void The_intermediates_may_come_with_the_leaf_in_any_order()
    {
        using var est = new EstFixture();

        var chain = Verify(est, [est.Root.Public, est.Issuing.Public, est.Issuing.Issue(est.Csr)], anchors: [est.Root.Public]);

        Assert.That(chain.Certificates, Has.Count.EqualTo(2));
    }

    [Test]
    public void A_root_that_only_came_with_the_leaf_is_no_anchor()
    {
        using var est = new EstFixture();
        var stranger = TestCa.Root("Strangers");

        var problem = Refusal(est, [stranger.Issue(est.Csr), stranger.Public], anchors: [est.Root.Public], caCertificates: [est.Issuing.Public]);

        Assert.That(problem.Code, Is.EqualTo("est_chain"));
        Assert.That(problem.Message, Does.Contain("CN=Strangers").And.Contains("CN=Test root").And.Contains("est-id").And.Contains("https://est.example/"));
        Message.Shown("est_chain", problem);
    }

    [Test]
    public void An_issuing_CA_alone_in_the_CA_certificates_is_enough_and_is_stored()
    {
        using var est = new EstFixture();

        var chain = Verify(est, [est.Issuing.Issue(est.Csr)], anchors: [], caCertificates: [est.Issuing.Public]);

        Assert.That(chain.Certificates.Select(certificate => certificate.Subject), Is.EqualTo(["CN=device-1", "CN=Test issuing CA"]));
    }

    [Test]
    public void A_missing_intermediate_is_named()
    {
        using var est = new EstFixture();

        var problem = Refusal(est, [est.Issuing.Issue(est.Csr)], caCertificates: [est.Root.Public]);

        Assert.That(problem.Code, Is.EqualTo("est_chain"));
        Assert.That(problem.Message, Does.Contain("unknown CA 'CN=Test issuing CA'"));
        Message.Shown("est_chain-missing-intermediate", problem);
    }

    [Test]
    public void A_signature_that_is_not_the_issuers_is_found()
    {
        using var est = new EstFixture();
        var forged = TestCa.Root().Intermediate();

        var problem = Refusal(est, [forged.Issue(est.Csr)], caCertificates: [est.Root.Public, est.Issuing.Public]);

        Message.Shown("est_chain-forged", problem);
    }

    [Test]
    public void A_signature_that_is_not_that_of_an_intermediate_anchor_is_found()
    {
        using var est = new EstFixture();
        var forged = TestCa.Root().Intermediate();

        Assert.That(Refusal(est, [forged.Issue(est.Csr)], anchors: [], caCertificates: [est.Issuing.Public]).Code, Is.EqualTo("est_chain"));
    }

    [Test]
    public void A_certificate_for_another_key_is_refused()
    {
        using var est = new EstFixture();
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        var problem = Refusal(est, [est.Issuing.Issue(EstFixture.Request(other)), est.Issuing.Public]);

        Assert.That(problem.Code, Is.EqualTo("est_wrong_key"));
        Assert.That(problem.Message, Does.Contain("device-ca").And.Contains("est-id").And.Contains("https://est.example/"));
        Message.Shown("est_wrong_key", problem);
    }

    [Test]
    public void Of_two_certificates_with_our_key_the_newer_is_taken()
    {
        using var est = new EstFixture();
        var old = est.Issuing.Issue(est.Csr, subject: "CN=old");
        var renewed = est.Issuing.Issue(est.Csr, start: TestCa.Now);

        Assert.That(Verify(est, [old, renewed]).Leaf.Subject, Is.EqualTo("CN=device-1"));
        Assert.That(Verify(est, [renewed, old]).Leaf.Subject, Is.EqualTo("CN=device-1"));
    }

    [Test]
    public void An_expired_certificate_is_refused_with_its_dates_and_our_clock()
    {
        using var est = new EstFixture();

        var problem = Refusal(est, [est.Issuing.Issue(est.Csr, end: TestCa.Now)]);

        Assert.That(problem.Code, Is.EqualTo("est_expired"));
        Assert.That(problem.Message, Does.Contain("to 2026-06-01 12:00:00Z").And.Contains("our clock says 2026-06-01 12:00:00Z"));
        Message.Shown("est_expired", problem);
    }

    [Test]
    public void A_certificate_of_tomorrow_is_refused_with_its_date_and_our_clock()
    {
        using var est = new EstFixture();

        var problem = Refusal(est, [est.Issuing.Issue(est.Csr, start: TestCa.Now.AddDays(1))]);

        Assert.That(problem.Code, Is.EqualTo("est_not_yet_valid"));
        Assert.That(problem.Message, Does.Contain("2026-06-02 12:00:00Z").And.Contains("our clock says 2026-06-01 12:00:00Z"));
        Message.Shown("est_not_yet_valid", problem);
    }

    [Test]
    public void A_CA_whose_clock_is_some_minutes_ahead_does_no_harm()
    {
        using var est = new EstFixture();

        Assert.That(Verify(est, [est.Issuing.Issue(est.Csr, start: TestCa.Now.AddMinutes(4))]).Certificates, Has.Count.EqualTo(2));
    }

    [Test]
    public void In_1970_a_fresh_certificate_is_taken()
    {
        using var est = new EstFixture { Clock = In(1970, built: TestCa.Start.AddDays(-100)) };

        Assert.That(Verify(est, [est.Issuing.Issue(est.Csr, start: TestCa.Now)]).Certificates, Has.Count.EqualTo(2));
    }

    [Test]
    public void In_1970_what_expired_before_the_floor_is_refused()
    {
        using var est = new EstFixture { Clock = In(1970, built: TestCa.Now) };

        var problem = Refusal(est, [est.Issuing.Issue(est.Csr, end: TestCa.Now.AddDays(-1))]);

        Assert.That(problem.Code, Is.EqualTo("est_expired"));
        Assert.That(problem.Message, Does.Contain("is not believed"));
    }

    [Test]
    public void In_2040_the_message_leads_to_the_clock()
    {
        using var est = new EstFixture { Clock = In(2040, built: TestCa.Start) };

        var problem = Refusal(est, [est.Issuing.Issue(est.Csr)]);

        Assert.That(problem.Code, Is.EqualTo("est_expired"));
        Assert.That(problem.ToTerminalText(), Does.Contain("our clock says 2040-").And.Contains("set the device's clock"));
        Message.Shown("est_expired-in-2040", problem);
    }

    [Test]
    public void An_expired_issuer_is_named()
    {
        using var est = new EstFixture();
        var old = est.Root.Intermediate("Old issuing CA", end: TestCa.Now.AddDays(-1));

        var problem = Refusal(est, [old.Issue(est.Csr), old.Public]);

        Assert.That(problem.Code, Is.EqualTo("est_chain"));
        Assert.That(problem.Message, Does.Contain("at 'CN=Old issuing CA'").And.Contains("expired on 2026-05-31"));
        Message.Shown("est_chain-expired-issuer", problem);
    }

    [Test]
    public void A_client_certificate_where_a_CA_was_asked_is_refused_with_the_key_of_the_URL_to_set()
    {
        using var est = new EstFixture();

        var problem = Refusal(est, [est.Issuing.Issue(est.Csr)], caWanted: true);

        Assert.That(problem.Code, Is.EqualTo("est_not_ca"));
        Assert.That(problem.Hint, Does.Contain("urls.\"device-ca\""));
        Message.Shown("est_not_ca", problem);
    }

    [Test]
    public void A_CA_that_may_not_sign_is_no_CA()
    {
        using var est = new EstFixture();

        Assert.That(Refusal(est, [est.Issuing.Issue(est.Csr, ca: true, usage: X509KeyUsageFlags.DigitalSignature)], caWanted: true).Code, Is.EqualTo("est_not_ca"));
    }

    [TestCase(X509KeyUsageFlags.KeyCertSign)]
    [TestCase(null)]
    public void A_CA_that_was_asked_for_is_taken(X509KeyUsageFlags? usage)
    {
        using var est = new EstFixture();

        Assert.That(Verify(est, [est.Issuing.Issue(est.Csr, ca: true, usage: usage)], caWanted: true).Certificates, Has.Count.EqualTo(2));
    }

    [Test]
    public void A_CA_that_was_not_asked_for_is_refused()
    {
        using var est = new EstFixture();

        Message.Shown("est_is_ca", Refusal(est, [est.Issuing.Issue(est.Csr, ca: true)], id: "device-id"));
    }

    [TestCase(0, false)]
    [TestCase(1, true)]
    public void A_CA_under_which_nothing_could_be_issued_is_refused(int pathLength, bool isTaken)
    {
        using var est = new EstFixture();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var narrow = new CertificateRequest("CN=Narrow CA", key, HashAlgorithmName.SHA256);
        narrow.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, pathLength, true));
        using var issuer = narrow.CreateSelfSigned(TestCa.Start, TestCa.End);
        var request = new CertificateRequest(Subject, PublicKey.CreateFromSubjectPublicKeyInfo(est.Spki, out _), HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var deviceCa = request.Create(issuer, TestCa.Start, TestCa.End, [1, 2, 3]);
        X509Certificate2Collection caCertificates = [X509CertificateLoader.LoadCertificate(issuer.RawData)];

        if (isTaken)
        {
            Assert.That(Verify(est, [deviceCa], caWanted: true, caCertificates: caCertificates).Leaf.Subject, Is.EqualTo("CN=device-1"));
            return;
        }

        var problem = Refusal(est, [deviceCa], caWanted: true, caCertificates: caCertificates);
        Assert.That(problem.Code, Is.EqualTo("est_chain"));
        Assert.That(problem.Message, Does.Contain("path length of 'CN=Narrow CA'"));
        Message.Shown("est_chain-nothing-below", problem);
    }

    [Test]
    public void Another_subject_is_taken_and_noted()
    {
        using var est = new EstFixture();

        var chain = Verify(est, [est.Issuing.Issue(est.Csr, subject: "CN=device-1, O=Factory")]);

        Assert.That(chain.Notes, Has.One.Contains("'CN=device-1, O=Factory'"));
    }

    [Test]
    public void Left_out_alternative_names_are_noted()
    {
        using var est = new EstFixture();
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("device-1.local");

        var chain = IssuedCertificateCheck.Verify([est.Issuing.Issue(est.Csr)], est.Spki, Subject, caWanted: false, [est.Root.Public], [est.Issuing.Public],
            est.Clock, From with { AlternativeNames = names.Build() });

        Assert.That(chain.Notes, Has.One.Contains("left out"));
    }

    [Test]
    public void A_self_signed_certificate_is_none_that_was_issued()
    {
        using var est = new EstFixture();
        var request = new CertificateRequest(Subject, est.Key, HashAlgorithmName.SHA256);
        using var own = request.CreateSelfSigned(TestCa.Start, TestCa.End);

        Assert.That(Refusal(est, [own]).Code, Is.EqualTo("est_chain"));
        Message.Shown("est_chain-self-signed", Refusal(est, [own], caCertificates: [own]));
    }

    private static IssuedChain Verify(EstFixture est, X509Certificate2Collection sent, X509Certificate2Collection? anchors = null,
        X509Certificate2Collection? caCertificates = null, bool caWanted = false, string id = "device-ca") => IssuedCertificateCheck.Verify(sent, est.Spki, Subject, caWanted,
        anchors ?? [est.Root.Public], caCertificates ?? [est.Issuing.Public], est.Clock, From with { CertificateId = id });

    private static ProblemException Refusal(EstFixture est, X509Certificate2Collection sent, X509Certificate2Collection? anchors = null,
        X509Certificate2Collection? caCertificates = null, bool caWanted = false, string id = "device-ca") =>
        Assert.Throws<ProblemException>(() => Verify(est, sent, anchors, caCertificates, caWanted, id))!;

    private static BelievedClock In(int year, DateTimeOffset built) => new(new FakeTimeProvider(new DateTimeOffset(year, 1, 1, 0, 0, 1, TimeSpan.Zero)), built);
}
