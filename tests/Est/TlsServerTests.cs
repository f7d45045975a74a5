using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Tests.Support;
using EstProv.Messages;
using EstProv.Platform.Time;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Est.Tests;

/// <summary>Which servers are trusted (RFC 7030 sections 3.3.1 and 3.6).</summary>
public sealed class TlsServerTests
{
    private static Answer NothingMoreNeeded(ReceivedRequest request) => Answer.Status(404);

    [Test]
    public async Task A_name_mismatch_names_the_host_wanted_and_the_names_that_the_certificate_has()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server(["est.example", "est2.example"]));
        var server = est.Serve(NothingMoreNeeded);

        var problem = await est.FailureAsync(est.At(server));

        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo("est_tls_name"));
            Assert.That(problem.Message, Does.Contain("'localhost'").And.Contains("est.example, est2.example").And.Contains($"https://localhost:{server.Port}/")
                .And.Contains("bootstrap"));
            Assert.That(server.Requests, Is.Empty);
        });
        Message.Shown("est_tls_name", problem);
    }

    [Test]
    public async Task An_address_is_matched_against_address_names()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server([], loopbackAddress: true));
        var server = est.Serve(NothingMoreNeeded);

        Assert.That((await est.FailureAsync(est.At(server, host: "127.0.0.1"))).Code, Is.EqualTo("est_not_found"));
        Assert.That((await est.FailureAsync(est.At(server, host: "localhost"))).Code, Is.EqualTo("est_tls_name"));
    }

    [Test]
    public async Task A_registration_authority_under_another_name_is_taken_only_by_the_setting()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(
            est.Issuing.Server(["ra.example"], usages: [TestCa.ServerAuthentication, TestCa.CmcRegistrationAuthority]));
        var server = est.Serve(NothingMoreNeeded);
        var strict = est.At(server);

        Assert.That((await est.FailureAsync(strict)).Code, Is.EqualTo("est_tls_name"));
        Assert.That((await est.FailureAsync(strict with { Trust = strict.Trust with { AllowCmcRa = true } })).Code, Is.EqualTo("est_not_found"));
    }

    [Test]
    public async Task The_setting_for_registration_authorities_takes_no_other_server()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server(["other.example"]));
        var at = est.At(est.Serve(NothingMoreNeeded));

        Assert.That((await est.FailureAsync(at with { Trust = at.Trust with { AllowCmcRa = true } })).Code, Is.EqualTo("est_tls_name"));
    }

    [Test]
    public async Task An_unknown_CA_is_named_together_with_the_anchors_that_we_have()
    {
        using var est = new EstFixture();
        var stranger = TestCa.Root("Some other root");
        est.ServerCertificate = stranger.Context(stranger.Server());
        var server = est.Serve(NothingMoreNeeded);

        var problem = await est.FailureAsync(est.At(server));

        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo("est_tls_untrusted"));
            Assert.That(problem.Message, Does.Contain("CN=Some other root").And.Contains("CN=Test root"));
            Assert.That(server.Requests, Is.Empty);
        });
        Message.Shown("est_tls_untrusted", problem);
    }

    [Test]
    public async Task A_stranger_with_the_name_of_our_root_is_not_trusted()
    {
        using var est = new EstFixture();
        var stranger = TestCa.Root();
        est.ServerCertificate = stranger.Context(stranger.Server());

        Assert.That((await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)))).Code, Is.AnyOf("est_tls_untrusted", "est_tls_certificate"));
    }

    [Test]
    public async Task A_missing_intermediate_leads_to_its_name()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server(), withIntermediates: false);

        var problem = await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)));

        Assert.That(problem.Code, Is.EqualTo("est_tls_untrusted"));
        Assert.That(problem.Message, Does.Contain("CN=Test issuing CA"));
        Message.Shown("est_tls_untrusted-missing-intermediate", problem);
    }

    [Test]
    public async Task An_intermediate_can_be_the_anchor()
    {
        using var est = new EstFixture();
        var at = est.At(est.Serve(NothingMoreNeeded));

        Assert.That((await est.FailureAsync(at with { Trust = new EstTrust { Anchors = [est.Issuing.Public] } })).Code, Is.EqualTo("est_not_found"));
    }

    [Test]
    public async Task An_intermediate_as_anchor_does_not_vouch_for_what_it_did_not_sign()
    {
        using var est = new EstFixture();
        // The same names all along, but other keys: only the signature tells them apart.
        var forged = TestCa.Root().Intermediate();
        est.ServerCertificate = forged.Context(forged.Server(), withIntermediates: false);
        var at = est.At(est.Serve(NothingMoreNeeded));

        Assert.That((await est.FailureAsync(at with { Trust = new EstTrust { Anchors = [est.Issuing.Public] } })).Code,
            Is.AnyOf("est_tls_untrusted", "est_tls_certificate"));
    }

    [Test]
    public async Task Nothing_is_trusted_without_anchors()
    {
        using var est = new EstFixture();
        var at = est.At(est.Serve(NothingMoreNeeded));

        var problem = await est.FailureAsync(at with { Trust = new EstTrust { Anchors = [] } });

        Assert.That(problem.Code, Is.EqualTo("est_tls_untrusted"));
        Assert.That(problem.Message, Does.Contain("trusted are: none"));
    }

    [Test]
    public async Task The_systems_store_is_asked_by_the_setting_and_does_not_know_a_private_CA()
    {
        using var est = new EstFixture();
        var at = est.At(est.Serve(NothingMoreNeeded));

        var problem = await est.FailureAsync(at with { Trust = new EstTrust { Anchors = [], System = true } });

        Assert.That(problem.Code, Is.EqualTo("est_tls_untrusted"));
        Assert.That(problem.Message, Does.Contain("the system's store"));
    }

    [Test]
    public async Task A_client_certificate_is_no_server_certificate()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server(usages: [TestCa.ClientAuthentication]));

        var problem = await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)));

        Message.Shown("est_tls_certificate", problem);
    }

    [Test]
    public async Task A_server_certificate_made_by_a_device_CA_is_refused()
    {
        using var est = new EstFixture();
        var deviceCa = est.Issuing.Intermediate("Some device's CA");
        est.ServerCertificate = deviceCa.Context(deviceCa.Server());
        var at = est.At(est.Serve(NothingMoreNeeded));
        var guarded = at with { Trust = at.Trust with { DeviceCaIssuers = [est.Issuing.Public] } };

        var problem = await est.FailureAsync(guarded);

        Assert.That(problem.Code, Is.EqualTo("est_tls_untrusted"));
        Assert.That(problem.Message, Does.Contain("CN=Some device's CA"));
        Message.Shown("est_tls_untrusted-device-ca", problem);
    }

    [Test]
    public async Task A_CA_that_signs_device_CAs_may_still_sign_the_server_itself()
    {
        using var est = new EstFixture();
        var at = est.At(est.Serve(NothingMoreNeeded));

        Assert.That((await est.FailureAsync(at with { Trust = at.Trust with { DeviceCaIssuers = [est.Issuing.Public] } })).Code, Is.EqualTo("est_not_found"));
    }

    [Test]
    public async Task An_expired_certificate_is_told_with_its_date_and_our_clock()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server(end: TestCa.Now - TimeSpan.FromDays(1)));

        var problem = await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)));

        Assert.That(problem.Code, Is.EqualTo("est_tls_expired"));
        Assert.That(problem.Message, Does.Contain("2026-05-31 12:00:00Z").And.Contains("our clock says 2026-06-01 12:00:00Z").And.Not.Contains("not believed"));
        Message.Shown("est_tls_expired", problem);
    }

    [Test]
    public async Task A_certificate_of_tomorrow_is_told_with_its_date_and_our_clock()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server(start: TestCa.Now + TimeSpan.FromDays(1)));

        var problem = await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)));

        Assert.That(problem.Code, Is.EqualTo("est_tls_not_yet_valid"));
        Assert.That(problem.Message, Does.Contain("2026-06-02 12:00:00Z").And.Contains("our clock says 2026-06-01 12:00:00Z"));
        Message.Shown("est_tls_not_yet_valid", problem);
    }

    [Test]
    public async Task A_server_whose_clock_is_some_minutes_ahead_is_taken()
    {
        using var est = new EstFixture();
        est.ServerCertificate = est.Issuing.Context(est.Issuing.Server(start: TestCa.Now + TimeSpan.FromMinutes(4)));

        Assert.That((await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)))).Code, Is.EqualTo("est_not_found"));
    }

    [Test]
    public async Task An_expired_intermediate_is_named()
    {
        using var est = new EstFixture();
        var old = est.Root.Intermediate("Old issuing CA", end: TestCa.Now - TimeSpan.FromDays(1));
        est.ServerCertificate = old.Context(old.Server());

        var problem = await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)));

        Assert.That(problem.Code, Is.EqualTo("est_tls_expired"));
        Assert.That(problem.Message, Does.Contain("CN=Old issuing CA"));
    }

    [TestCase(2026, TestName = "In 1970 a server is judged at the floor")]
    [TestCase(2020, TestName = "In 1970 a certificate that starts after the floor is taken")]
    public async Task In_1970(int built)
    {
        using var est = new EstFixture { Clock = ClockAt(1970, built) };

        Assert.That((await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)))).Code, Is.EqualTo("est_not_found"));
        Assert.That(est.Logger.Lines, Has.Some.Contains("not believed"));
    }

    [Test]
    public async Task In_1970_what_had_expired_before_the_floor_has_expired()
    {
        using var est = new EstFixture { Clock = ClockAt(1970, 2028) };

        var problem = await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)));

        Assert.That(problem.Code, Is.EqualTo("est_tls_expired"));
        Assert.That(problem.Message, Does.Contain("our clock says 1970-").And.Contains("is not believed").And.Contains("2028-01-01"));
        Message.Shown("est_tls_expired-in-1970", problem);
    }

    [Test]
    public async Task In_1970_a_path_whose_certificates_were_never_valid_together_is_refused()
    {
        using var est = new EstFixture { Clock = ClockAt(1970, 2020) };
        var early = est.Root.Intermediate("Early CA", end: TestCa.Start + TimeSpan.FromDays(10));
        est.ServerCertificate = early.Context(early.Server(start: TestCa.Start + TimeSpan.FromDays(20)));

        Assert.That((await est.FailureAsync(est.At(est.Serve(NothingMoreNeeded)))).Code, Is.EqualTo("est_tls_expired"));
    }

    [Test]
    public async Task In_2040_the_message_leads_to_the_clock_and_all_is_well_when_it_is_set()
    {
        var time = new FakeTimeProvider(TestCa.Now);
        using var est = new EstFixture { Clock = new BelievedClock(time, TestCa.Start) };
        time.AdjustTime(new DateTimeOffset(2040, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var client = est.Client(est.At(est.Serve(NothingMoreNeeded)));

        var problem = await est.FailureAsync(client);

        Assert.That(problem.Code, Is.EqualTo("est_tls_expired"));
        Assert.That(problem.Message, Does.Contain("our clock says 2040-01-01"));
        Assert.That(problem.Hint, Does.Contain("clock"));

        time.AdjustTime(TestCa.Now);
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_not_found"));
    }

    [Test]
    public async Task A_verified_servers_time_is_taken_for_the_clock()
    {
        using var est = new EstFixture { Clock = ClockAt(1970, 2026) };
        var server = est.Serve(_ => Answer.Status(404, "", "Date: Mon, 01 Jun 2026 12:34:56 GMT"));

        await est.FailureAsync(est.At(server));

        Assert.That(est.Clock.Floor, Is.EqualTo(new DateTimeOffset(2026, 6, 1, 12, 34, 56, TimeSpan.Zero)));
    }

    [Test]
    public async Task A_server_that_is_a_little_ahead_does_not_make_us_disbelieve_our_clock()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(404, "", "Date: Mon, 01 Jun 2026 12:04:00 GMT"));

        await est.FailureAsync(est.At(server));

        Assert.That(est.Clock.IsBelieved, Is.True);
        Assert.That(est.Clock.Floor, Is.EqualTo(TestCa.Now));
    }

    [Test]
    public async Task A_time_that_cannot_be_kept_fails_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("estprov-est-").FullName;
        using var est = new EstFixture();
        est.Clock = new BelievedClock(est.Time, TestCa.Start, Path.Combine(folder, "missing", "time"));
        var server = est.Serve(request => Answer.Http(202, null, "", "Date: Mon, 01 Jun 2026 12:00:00 GMT"));

        var result = await est.Client(est.At(server)).EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        Assert.That(result, Is.InstanceOf<EstEnrollment.Pending>());
        Assert.That(est.Logger.Lines, Has.One.Contains("cannot be kept"));
    }

    [Test]
    public async Task A_servers_time_outside_of_its_own_certificates_validity_is_not_believed()
    {
        using var est = new EstFixture();
        var floor = est.Clock.Floor;
        var server = est.Serve(_ => Answer.Status(404, "", "Date: Sun, 01 Jan 2040 00:00:00 GMT"));

        await est.FailureAsync(est.At(server));

        Assert.That(est.Clock.Floor, Is.EqualTo(floor));
    }

    [TestCase(SslProtocols.Tls12)]
    [TestCase(SslProtocols.Tls13)]
    public async Task TLS_1_2_and_1_3_are_spoken(SslProtocols protocol)
    {
        using var est = new EstFixture();
        var server = est.Serve(new ScriptedServer(est.ServerCertificate, NothingMoreNeeded) { Protocols = protocol });

        Assert.That((await est.FailureAsync(est.At(server))).Code, Is.EqualTo("est_not_found"));
    }

    [Test]
    public async Task A_self_signed_server_is_taken_when_it_is_the_anchor()
    {
        using var est = new EstFixture();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(TestCa.Start, TestCa.End);
        est.ServerCertificate = est.Root.Context(certificate);
        var at = est.At(est.Serve(NothingMoreNeeded));

        Assert.That((await est.FailureAsync(at)).Code, Is.EqualTo("est_tls_untrusted"));
        var pinned = new EstTrust { Anchors = [X509CertificateLoader.LoadCertificate(certificate.RawData)] };
        Assert.That((await est.FailureAsync(at with { Trust = pinned })).Code, Is.EqualTo("est_not_found"));
    }

    private static BelievedClock ClockAt(int year, int built) =>
        new(new FakeTimeProvider(new DateTimeOffset(year, 1, 1, 0, 0, 1, TimeSpan.Zero)), new DateTimeOffset(built, built == 2026 ? 5 : 1, 1, 0, 0, 0, TimeSpan.Zero));
}
