using System.Security.Authentication;
using EstProv.Est.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Est.Tests;

public sealed class ConnectionTests
{
    [Test]
    public async Task Several_operations_share_one_TLS_connection()
    {
        using var est = new EstFixture();
        using var identity = est.Issuing.Client("device-1");
        var server = est.Serve(new ScriptedServer(est.ServerCertificate, request => request.Path[(request.Path.LastIndexOf('/') + 1)..] switch
        {
            "cacerts" => Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public)),
            "csrattrs" => Answer.Status(204),
            _ => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10))),
        })
        { ClientRoot = est.Root.Public });
        var client = est.Client(est.At(server) with { ClientCertificate = est.Issuing.Context(identity) });

        await client.GetCaCertificatesAsync(CancellationToken.None);
        await client.GetCsrAttributesAsync(CancellationToken.None);
        await client.EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        Assert.That(server.Requests.Select(request => request.Connection), Is.EqualTo([1, 1, 1]));
    }

    [Test]
    public async Task Labels_of_one_server_share_its_connection_and_each_is_named_in_messages()
    {
        using var est = new EstFixture();
        var server = est.Serve(request => request.Method == "GET" ? Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public)) : Answer.Status(404));
        var at = est.At(server, path: "/.well-known/est/one");
        var client = est.Client(at);
        var other = client.ForLabel(est.At(server, path: "/.well-known/est/other").BaseUrl);

        await client.GetCaCertificatesAsync(CancellationToken.None);
        var problem = await est.FailureAsync(other);

        Assert.That(server.Requests.Select(request => (request.Connection, request.Path)),
            Is.EqualTo([(1, "/.well-known/est/one/cacerts"), (1, "/.well-known/est/other/simpleenroll")]));
        Assert.That(problem.Message, Does.Contain("/other/simpleenroll"));
        Message.Shown("est_bad_url-elsewhere",
            Assert.Throws<ProblemException>(() => client.ForLabel(new Uri("https://elsewhere.example/.well-known/est")))!);
    }

    [Test]
    public async Task A_server_that_is_not_trusted_is_reported_with_the_label_in_use()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(404));
        var client = est.Client(est.At(server, path: "/.well-known/est/one") with { Trust = new EstTrust { Anchors = [] } });

        var problem = await est.FailureAsync(client.ForLabel(est.At(server, path: "/.well-known/est/other").BaseUrl));

        Assert.That(problem.Code, Is.EqualTo("est_tls_untrusted"));
        Assert.That(problem.Message, Does.Contain("/other/simpleenroll"));
    }

    [TestCase(SslProtocols.Tls12)]
    [TestCase(SslProtocols.Tls13)]
    public async Task Each_new_connection_shows_the_intermediates_again(SslProtocols protocol)
    {
        using var est = new EstFixture();
        using var identity = est.Issuing.Client("device-1");
        var server = est.Serve(new ScriptedServer(est.ServerCertificate, _ => Answer.Status(404)) { ClientRoot = est.Root.Public, Protocols = protocol });
        var context = est.Issuing.Context(identity);

        // The second one would resume the first one's session, in which a .NET server keeps the leaf alone and then refuses it.
        for (var i = 0; i < 2; i++) await est.FailureAsync(est.At(server) with { ClientCertificate = context });

        Assert.That(server.Requests.Select(request => (request.Connection, request.ClientChainLength)), Is.EqualTo([(1, 2), (2, 2)]));
    }

    [TestCase("http://localhost/.well-known/est")]
    [TestCase("https://user:secret@localhost/.well-known/est", "est_bad_url-password")]
    [TestCase("https://localhost/.well-known/est?x=1")]
    [TestCase("https://localhost/.well-known/est/simpleenroll", "est_bad_url")]
    [TestCase("https://localhost/.well-known/est/label/cacerts/")]
    [TestCase("https://localhost/.well-known/est/serverkeygen")]
    [TestCase("https://localhost/.well-known/est/CSRATTRS")]
    [TestCase("https://localhost/.well-known/est/fullcmc", "est_full_cmc")]
    [TestCase("/.well-known/est")]
    public void A_URL_that_is_no_base_URL_is_refused_without_showing_a_password(string url, string? message = null)
    {
        using var est = new EstFixture();
        var server = est.At(443) with { BaseUrl = new Uri(url, UriKind.RelativeOrAbsolute) };

        var problem = Assert.Throws<ProblemException>(() => new EstClient(server, est.Logger));

        Assert.That(problem!.Code, Is.EqualTo(url.EndsWith("fullcmc", StringComparison.Ordinal) ? "est_full_cmc" : "est_bad_url"));
        Assert.That(problem.ToTerminalText(), Does.Not.Contain("secret"));
        if (message is not null) Message.Shown(message, problem);
    }
}
