using EstProv.Est.Tests.Support;
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

    [TestCase("https://elsewhere.example/.well-known/est/cacerts")]
    [TestCase("http://localhost/.well-known/est/cacerts")]
    [TestCase("//localhost:1/.well-known/est/cacerts")]
    public async Task Another_origin_is_named_and_not_followed(string location)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(302, "", $"Location: {location}"));

        var problem = await FailureAsync(est, server);

        Assert.That(problem.Code, Is.EqualTo("est_redirect"));
        Assert.That(problem.Message, Does.Contain(location));
    }

    [Test]
    public async Task A_circle_ends()
    {
        using var est = new EstFixture();
        var server = est.Serve(request => Answer.Status(302, "", $"Location: {request.Path}"));

        Assert.That((await FailureAsync(est, server)).Code, Is.EqualTo("est_redirect"));
        Assert.That(server.Requests, Has.Count.EqualTo(6));
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
