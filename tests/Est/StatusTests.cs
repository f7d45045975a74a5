using EstProv.Est.Tests.Support;
using EstProv.Messages;

namespace EstProv.Est.Tests;

/// <summary>What each status means to the one who waits for a certificate.</summary>
public sealed class StatusTests
{
    [TestCase(400, "est_rejected", "the CSR has no subjectAltName")]
    [TestCase(401, "est_unauthorized", "unknown device")]
    [TestCase(403, "est_forbidden", "subject is not allowed")]
    [TestCase(404, "est_not_found", "no such label")]
    [TestCase(405, "est_rejected")]
    [TestCase(429, "est_busy")]
    [TestCase(500, "est_server_error", "the HSM of the CA does not answer")]
    [TestCase(501, "est_server_error")]
    [TestCase(502, "est_server_error")]
    [TestCase(503, "est_busy", "maintenance until noon")]
    [TestCase(204, "est_bad_answer")]
    public async Task Each_refusal_names_status_URL_credential_and_the_servers_words(int status, string code, string? words = null)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(status, status == 204 ? "" : (words ?? "it is so") + "\n"));

        var problem = await est.FailureAsync(est.At(server));

        if (words is not null) Message.Shown(code, problem);
        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo(code));
            Assert.That(problem.Message, Does.Contain($"HTTP {status}").And.Contains($"POST https://localhost:{server.Port}/.well-known/est/simpleenroll")
                .And.Contains("'bootstrap'"));
            if (status != 204) Assert.That(problem.Message, Does.Contain($"\"{words ?? "it is so"}\""));
            Assert.That(problem.Hint, Is.Not.Empty);
            Assert.That(server.Requests, Has.Count.EqualTo(1));
        });
    }

    [Test]
    public async Task After_a_refusal_the_same_client_succeeds_once_the_server_does()
    {
        using var est = new EstFixture();
        var attempt = 0;
        var server = est.Serve(request => attempt++ switch
        {
            0 => Answer.Status(500),
            1 => Answer.Http(401, null, [], "HTTP/1.1", close: true, "Connection: close"),
            _ => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10))),
        });
        var client = est.Client(est.At(server));

        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_server_error"));
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_unauthorized"));
        Assert.That(await client.EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None), Is.InstanceOf<EstEnrollment.Issued>());
    }

    [Test]
    public async Task Words_of_a_server_can_neither_forge_log_lines_nor_fill_the_log()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(500, "bad\r\n<3>forged line\u001b[2J" + new string('x', 10_000)));

        var problem = await est.FailureAsync(est.At(server));

        Assert.That(problem.Message, Does.Not.Match("[\\x00-\\x1f]").And.Length.LessThan(600));
        Assert.That(problem.Message, Does.Contain("bad <3>forged line"));
    }

    [Test]
    public async Task A_page_of_HTML_is_not_shown()
    {
        using var est = new EstFixture();

        var problem = await est.FailureAsync(est.At(est.Serve(_ => Answer.Http(500, "text/html", "<html>oops</html>"))));

        Assert.That(problem.Message, Does.Not.Contain("oops"));
    }

    [TestCase("Retry-After: 600", 600)]
    [TestCase("Retry-After: Mon, 01 Jun 2026 12:10:00 GMT", 600)]
    [TestCase("Retry-After: Mon, 01 Jun 2026 11:00:00 GMT", 0)]
    [TestCase("Retry-After: 99999999", 86400)]
    [TestCase("Retry-After: soon", 300)]
    [TestCase("X-Nothing: 1", 300)]
    public async Task Pending_waits_as_long_as_the_server_asks_within_bounds(string header, int seconds)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Http(202, null, "", header));

        var result = await est.Client(est.At(server)).EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        Assert.That(((EstEnrollment.Pending)result).RetryAfter, Is.EqualTo(TimeSpan.FromSeconds(seconds)));
    }

    [Test]
    public async Task A_date_to_retry_after_is_measured_by_the_servers_own_clock()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Http(202, null, "", "Date: Wed, 01 Jul 2026 00:00:00 GMT", "Retry-After: Wed, 01 Jul 2026 00:02:00 GMT"));

        var result = await est.Client(est.At(server)).EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        Assert.That(((EstEnrollment.Pending)result).RetryAfter, Is.EqualTo(TimeSpan.FromMinutes(2)));
    }

    [TestCase(429)]
    [TestCase(503)]
    [TestCase(500)]
    public async Task Retry_After_of_a_refusal_is_handed_on(int status)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(status, "", "Retry-After: 120"));

        Assert.That((await est.FailureAsync(est.At(server))).RetryAfter, Is.EqualTo(TimeSpan.FromMinutes(2)));
    }

    [Test]
    public async Task A_403_with_Bearer_says_what_the_server_asks_for()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(403, "", "WWW-Authenticate: Bearer"));

        var problem = await est.FailureAsync(est.At(server));

        Assert.That(problem.Code, Is.EqualTo("est_forbidden"));
        Assert.That(problem.Hint, Does.Contain("Bearer"));
        Message.Shown("est_forbidden-bearer", problem);
    }

    [TestCase("WWW-Authenticate: Basic realm=\"est\"", "Basic")]
    [TestCase("X-Nothing: 1", "configure a client certificate, or a user name and a password")]
    public async Task A_401_closing_the_connection_is_a_refusal_with_or_without_a_challenge(string header, string hint)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Http(401, null, [], "HTTP/1.1", close: true, "Connection: close", header));

        var problem = await est.FailureAsync(est.At(server));

        Assert.That(problem.Code, Is.EqualTo("est_unauthorized"));
        Assert.That(problem.Hint, Does.Contain(hint));
    }
}
