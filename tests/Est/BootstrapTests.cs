using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Est.Tests;

/// <summary>RFC 7030 section 4.1.1: a CA whose fingerprint the operator has approved.</summary>
public sealed class BootstrapTests
{
    [Test]
    public async Task The_CA_with_the_fingerprint_is_kept_and_verifies_a_new_session()
    {
        using var est = new EstFixture();
        using var identity = est.Issuing.Client("device-1");
        var server = est.Serve(new ScriptedServer(est.ServerCertificate, _ => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Public, est.Root.Public))) { AskForClientCertificate = true });
        var at = Untrusting(est.At(server)) with { ClientCertificate = est.Issuing.Context(identity), Username = "estuser", Password = () => throw new InvalidOperationException("not to be read") };

        var anchor = await EstBootstrap.FetchAnchorAsync(at, FingerprintOf(est.Root), est.Logger, CancellationToken.None);

        Assert.That(anchor.RawData, Is.EqualTo(est.Root.Public.RawData));
        var request = server.Requests.Single();
        Assert.That((request.Method, request.Path, request.ClientCertificate, request.Headers.ContainsKey("Authorization")), Is.EqualTo(("GET", "/.well-known/est/cacerts", (X509Certificate2?)null, false)));

        await est.Client(at with { Username = null, Trust = new EstTrust { Anchors = [anchor] } }).GetCaCertificatesAsync(CancellationToken.None);

        Assert.That(server.Requests.Select(r => (r.Connection, r.ClientCertificate?.Subject)), Is.EqualTo([(1, null), (2, "CN=device-1")]));
    }

    [Test]
    public async Task A_server_with_another_CA_is_told_with_what_it_gave_and_nothing_else_was_sent()
    {
        using var est = new EstFixture();
        var stranger = TestCa.Root("Strangers");
        est.ServerCertificate = stranger.Context(stranger.Server());
        var server = est.Serve(_ => Answer.Pkcs7(TestCa.Pkcs7(stranger.Public)));

        var problem = await FailureAsync(est, server, FingerprintOf(est.Root));

        Assert.That(problem.Code, Is.EqualTo("est_fingerprint"));
        Assert.That(problem.Message, Does.Contain(Sha256Fingerprint.Text(FingerprintOf(est.Root))).And.Contains(Sha256Fingerprint.Text(FingerprintOf(stranger))));
        Assert.That(problem.Hint, Does.Contain("by another way"));
        Message.Shown("est_fingerprint", problem,
            (Sha256Fingerprint.Text(FingerprintOf(est.Root)), "FINGERPRINT"), (Sha256Fingerprint.Text(FingerprintOf(stranger)), "OTHER"));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Whoever_hands_out_the_right_CA_but_is_not_under_it_is_found_out_by_the_new_session()
    {
        using var est = new EstFixture();
        var stranger = TestCa.Root("Strangers");
        est.ServerCertificate = stranger.Context(stranger.Server());
        var server = est.Serve(_ => Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public)));

        var anchor = await EstBootstrap.FetchAnchorAsync(Untrusting(est.At(server)), FingerprintOf(est.Root), est.Logger, CancellationToken.None);
        var problem = await est.FailureAsync(est.At(server) with { Trust = new EstTrust { Anchors = [anchor] } });

        Assert.That(problem.Code, Is.EqualTo("est_tls_untrusted"));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_certificate_that_is_no_CAs_is_no_anchor()
    {
        using var est = new EstFixture();
        var leaf = est.ServerCertificate.TargetCertificate;
        var server = est.Serve(_ => Answer.Pkcs7(TestCa.Pkcs7(leaf)));

        var problem = await FailureAsync(est, server, SHA256.HashData(leaf.RawData));

        Assert.That(problem.Code, Is.EqualTo("est_fingerprint"));
        Assert.That(problem.Message, Does.Contain("which is no CA's"));
        Message.Shown("est_fingerprint-of-the-server", problem, (Sha256Fingerprint.Of(leaf.RawData), "FINGERPRINT"));
    }

    [Test]
    public async Task A_redirect_is_not_followed()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(302, "", "Location: /elsewhere/cacerts"));

        var problem = await FailureAsync(est, server, FingerprintOf(est.Root));

        Assert.That(problem.Code, Is.EqualTo("est_redirect"));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task The_time_that_an_unverified_server_tells_is_not_taken()
    {
        using var est = new EstFixture();
        var floor = est.Clock.Floor;
        var server = est.Serve(_ => Answer.Http(200, "application/pkcs7-mime", Answer.Base64(TestCa.Pkcs7(est.Root.Public)), "Date: Tue, 01 Dec 2026 00:00:00 GMT"));

        await EstBootstrap.FetchAnchorAsync(Untrusting(est.At(server)), FingerprintOf(est.Root), est.Logger, CancellationToken.None);

        Assert.That(est.Clock.Floor, Is.EqualTo(floor));
    }

    private static EstServer Untrusting(EstServer server) => server with { Trust = new EstTrust { Anchors = [] } };

    private static byte[] FingerprintOf(TestCa ca) => SHA256.HashData(ca.Public.RawData);

    private static async Task<ProblemException> FailureAsync(EstFixture est, ScriptedServer server, byte[] fingerprint) =>
        (await Assert.ThrowsAsync<ProblemException>(() => EstBootstrap.FetchAnchorAsync(Untrusting(est.At(server)), fingerprint, est.Logger, CancellationToken.None)))!;
}
