using EstProv.Est.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Est.Tests;

/// <summary>RFC 7030 section 3.2.1.</summary>
public sealed class RedirectTests
{
    [TestCase(301)]
    [TestCase(302)]
    [TestCase(307)]
    [TestCase(308)]
    public async Task A_GET_is_redirected_within_the_same_origin(int status)
    {
        using var est = new EstFixture();
        var server = est.Serve(request => request.Path == "/elsewhere/cacerts"
            ? Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public))
            : Answer.Status(status, "", "Location: /elsewhere/cacerts"));

        var certificates = await est.Client(est.At(server)).GetCaCertificatesAsync(CancellationToken.None);

        Assert.That(certificates, Has.Count.EqualTo(1));
        Assert.That(server.Connections, Is.EqualTo(1));
    }

    [TestCase("http://localhost/.well-known/est/cacerts")]
    [TestCase("https://user@localhost/.well-known/est/cacerts")]
    [TestCase("ftp://localhost/cacerts")]
    public async Task What_is_no_https_URL_is_named_and_not_followed(string location)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(302, "", $"Location: {location}"));

        var problem = await FailureAsync(est, server);

        Assert.That(problem.Code, Is.EqualTo("est_redirect"));
        Assert.That(problem.Message, Does.Contain(location));
    }

    [Test]
    public async Task A_circle_is_told()
    {
        using var est = new EstFixture();
        var server = est.Serve(request => Answer.Status(302, "", $"Location: {request.Path}"));

        var problem = await FailureAsync(est, server);

        Assert.That(problem.Code, Is.EqualTo("est_redirect"));
        Assert.That(problem.Message, Does.Contain("in a circle"));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_circle_over_two_servers_is_told()
    {
        using var est = new EstFixture();
        ScriptedServer? first = null;
        var second = est.Serve(_ => Answer.Status(302, "", $"Location: https://localhost:{first!.Port}/.well-known/est/cacerts"));
        first = est.Serve(_ => Answer.Status(302, "", $"Location: https://localhost:{second.Port}/cacerts"));

        var problem = await FailureAsync(est, first);

        Assert.That(problem.Code, Is.EqualTo("est_redirect"));
        Assert.That(problem.Message, Does.Contain("in a circle"));
        Assert.That((first.Requests.Count, second.Requests.Count), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task A_chain_without_end_is_left_after_five()
    {
        using var est = new EstFixture();
        var server = est.Serve(request => Answer.Status(302, "", $"Location: {request.Path}x"));

        var problem = await FailureAsync(est, server);

        Assert.That(problem.Code, Is.EqualTo("est_redirect"));
        Assert.That(problem.Message, Does.Contain("more than 5 redirects"));
        Assert.That(server.Requests, Has.Count.EqualTo(6));
    }

    [Test]
    public async Task Another_server_is_verified_like_the_first_and_asked_over_a_connection_of_its_own()
    {
        using var est = new EstFixture();
        using var identity = est.Issuing.Client("device-1");
        var other = est.Serve(new ScriptedServer(est.ServerCertificate, _ => Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public))) { ClientRoot = est.Root.Public });
        var server = est.Serve(_ => Answer.Status(302, "", $"Location: https://localhost:{other.Port}/moved/cacerts"));

        var certificates = await est.Client(est.At(server) with { ClientCertificate = est.Issuing.Context(identity) }).GetCaCertificatesAsync(CancellationToken.None);

        Assert.That(certificates, Has.Count.EqualTo(1));
        Assert.That(other.Requests.Single().Path, Is.EqualTo("/moved/cacerts"));
        Assert.That(other.Requests[0].ClientCertificate!.Subject, Is.EqualTo("CN=device-1"));
    }

    [Test]
    public async Task Another_server_of_another_CA_is_not_trusted()
    {
        using var est = new EstFixture();
        var stranger = TestCa.Root("Strangers");
        var other = est.Serve(new ScriptedServer(stranger.Context(stranger.Server()), _ => Answer.Pkcs7(TestCa.Pkcs7(stranger.Public))));
        var server = est.Serve(_ => Answer.Status(302, "", $"Location: https://localhost:{other.Port}/cacerts"));

        var problem = await FailureAsync(est, server);

        Assert.That(problem.Code, Is.EqualTo("est_tls_untrusted"));
        Assert.That(problem.Message, Does.Contain($"https://localhost:{other.Port}/cacerts").And.Contains($"https://localhost:{server.Port}/.well-known/est sent us there"));
        Assert.That(other.Requests, Is.Empty);
        Message.Shown("est_tls_untrusted-redirected", problem);
    }

    [Test]
    public async Task Another_server_has_to_have_the_name_that_the_first_one_said()
    {
        using var est = new EstFixture();
        var other = est.Serve(_ => Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public)));
        var server = est.Serve(_ => Answer.Status(302, "", $"Location: https://127.0.0.1:{other.Port}/cacerts"));

        Assert.That((await FailureAsync(est, server)).Code, Is.EqualTo("est_tls_name"));
        Assert.That(other.Requests, Is.Empty);
    }

    [TestCase(EstPasswordUse.Basic)]
    [TestCase(EstPasswordUse.Digest)]
    public async Task User_name_and_password_go_to_no_other_server(EstPasswordUse use)
    {
        using var est = new EstFixture();
        var other = est.Serve(_ => Answer.Status(401, "", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"", "WWW-Authenticate: Basic realm=\"r\""));
        var server = est.Serve(_ => Answer.Status(302, "", $"Location: https://localhost:{other.Port}/cacerts"));
        var client = est.Client(est.At(server) with { Username = "estuser", Password = () => "secret", PasswordUse = use });

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => client.GetCaCertificatesAsync(CancellationToken.None)))!;

        Assert.That(problem.Code, Is.EqualTo("est_unauthorized"));
        Assert.That(problem.Hint, Does.Contain("go to no other server"));
        Assert.That(other.Requests.Single().Headers.ContainsKey("Authorization"), Is.False);
    }

    [Test]
    public async Task A_request_is_not_sent_on_to_another_server()
    {
        using var est = new EstFixture();
        var other = est.Serve(request => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10))));
        var server = est.Serve(_ => Answer.Status(307, "", $"Location: https://localhost:{other.Port}/.well-known/est/simpleenroll"));

        var problem = await est.FailureAsync(est.At(server));

        Assert.That(problem.Code, Is.EqualTo("est_redirect"));
        Assert.That(problem.Message, Does.Contain($"https://localhost:{other.Port}/.well-known/est/simpleenroll").And.Contains("not sent a second time by itself"));
        Assert.That(problem.Hint, Does.Contain("configure the URL"));
        Message.Shown("est_redirect", problem);
        Assert.That(other.Connections, Is.Zero);
    }

    [TestCase(302)]
    [TestCase(303)]
    [TestCase(307)]
    [TestCase(308)]
    public async Task A_POST_is_never_sent_again(int status)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(status, "", "Location: /elsewhere/simpleenroll"));

        var problem = await est.FailureAsync(est.At(server));

        Assert.That(problem.Code, Is.EqualTo("est_redirect"));
        Assert.That(problem.Message, Does.Contain("/elsewhere/simpleenroll"));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    private static async Task<ProblemException> FailureAsync(EstFixture est, ScriptedServer server) =>
        (await Assert.ThrowsAsync<ProblemException>(() => est.Client(est.At(server)).GetCaCertificatesAsync(CancellationToken.None)))!;
}
