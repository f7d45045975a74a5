using System.Text;
using EstProv.Est.Tests.Support;
using EstProv.Messages;

namespace EstProv.Est.Tests;

/// <summary>Answers as real servers give them, and answers as no EST server gives them (RFC 7030 section 4, RFC 8951).</summary>
public sealed class AnswerTests
{
    private const string MediaType = "application/pkcs7-mime; smime-type=certs-only";

    /// <summary>Each is a way in which a server known to us wraps a certificate.</summary>
    public static IEnumerable<TestCaseData<string>> Quirks()
    {
        foreach (var name in QuirkTable.Keys) yield return new TestCaseData<string>(name);
    }

    private static Dictionary<string, Func<byte[], Answer>> QuirkTable { get; } = new()
    {
        ["RFC 8951, one line"] = der => Answer.Http(200, MediaType, Answer.Base64(der)),
        ["GlobalSign: CTE header, 76 columns with CRLF"] = der => Answer.Http(200, MediaType, Answer.Base64(der, 76, "\r\n"), "Content-Transfer-Encoding: base64"),
        ["GlobalSign: no smime-type"] = der => Answer.Http(200, "application/pkcs7-mime", Answer.Base64(der)),
        ["libest: CTE header, 64 columns"] = der => Answer.Http(200, MediaType, Answer.Base64(der, 64), "Content-Transfer-Encoding: base64"),
        ["libest: HTTP/1.0, connection closed"] = der =>
            Answer.Http(200, MediaType, Encoding.ASCII.GetBytes(Answer.Base64(der, 64)), "HTTP/1.0", close: true, "Status: 200 OK"),
        ["a CTE header that is not true"] = der => Answer.Http(200, MediaType, Answer.Base64(der), "Content-Transfer-Encoding: binary"),
        ["a NUL at the end"] = der => Answer.Http(200, MediaType, Answer.Base64(der, 64) + "\0"),
        ["white space all over"] = der => Answer.Http(200, MediaType, " \t\r\n" + Answer.Base64(der, 10, " \r\n\t") + "\r\n\r\n"),
        ["another case of the media type, quotes"] = der => Answer.Http(200, "Application/PKCS7-MIME; smime-type=\"certs-only\"; name=smime.p7m", Answer.Base64(der)),
        ["no media type"] = der => Answer.Http(200, null, Answer.Base64(der)),
        ["chunks"] = der => Chunked(Answer.Base64(der, 64)),
        ["no length, closed at the end"] = der => new Answer(
            Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {MediaType}\r\n\r\n{Answer.Base64(der)}"), Close: true),
    };

    [TestCaseSource(nameof(Quirks))]
    public async Task A_certificate_is_read_however_it_is_wrapped(string quirk)
    {
        using var est = new EstFixture();
        var server = est.Serve(request => QuirkTable[quirk](TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10))));

        var result = await est.Client(est.At(server)).EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        Assert.That(((EstEnrollment.Issued)result).Certificates[0].PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(est.Spki));
    }

    [Test]
    public async Task The_leaf_comes_first_whatever_the_servers_order()
    {
        using var est = new EstFixture();
        var server = est.Serve(request => Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public, est.Issuing.Public, est.Issuing.Issue(request.Pkcs10))));

        var result = (EstEnrollment.Issued)await est.Client(est.At(server)).EnrollAsync(est.Csr, EstOperation.Reenroll, CancellationToken.None);

        Assert.That(result.Certificates.Select(certificate => certificate.Subject), Is.EqualTo(["CN=device-1", "CN=Test issuing CA", "CN=Test root"]));
        Assert.That(server.Requests[0].Path, Does.EndWith("/simplereenroll"));
    }

    [Test]
    public async Task The_CA_certificates_are_fetched_as_sent()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Public, est.Root.Public)));

        var certificates = await est.Client(est.At(server, path: "/.well-known/est/device-ca/")).GetCaCertificatesAsync(CancellationToken.None);

        Assert.That(certificates.Select(certificate => certificate.Subject), Is.EquivalentTo(["CN=Test issuing CA", "CN=Test root"]));
        Assert.That($"{server.Requests[0].Method} {server.Requests[0].Path}", Is.EqualTo("GET /.well-known/est/device-ca/cacerts"));
    }

    [TestCase(202)]
    [TestCase(204)]
    [TestCase(404)]
    [TestCase(500)]
    public async Task CA_certificates_that_are_not_there_are_an_error(int status)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(status));

        await Assert.ThrowsAsync<Platform.ProblemException>(() => est.Client(est.At(server)).GetCaCertificatesAsync(CancellationToken.None));
    }

    /// <summary>SEQUENCE { OID challengePassword }, base64 "MAsGCSqGSIb3DQEJBw==".</summary>
    [TestCase("MAsGCSqGSIb3DQEJBw==", TestName = "csrattrs as RFC 8951 has it")]
    [TestCase("MAsGCSqGSIb3DQEJBw==\n\0", TestName = "csrattrs as libest sends it, with a NUL")]
    public async Task Attributes(string body)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Http(200, "application/csrattrs", body));

        var attributes = await est.Client(est.At(server)).GetCsrAttributesAsync(CancellationToken.None);

        Assert.That(attributes, Is.EqualTo(Convert.FromBase64String("MAsGCSqGSIb3DQEJBw==")));
        Assert.That(server.Requests[0].Path, Is.EqualTo("/.well-known/est/csrattrs"));
    }

    [TestCase(204, "")]
    [TestCase(404, "")]
    [TestCase(404, "no such thing")]
    [TestCase(200, "")]
    [TestCase(200, "\0")]
    [TestCase(200, "MAA=")]
    public async Task No_attributes_are_none(int status, string body)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Http(status, body.Length == 0 ? null : "application/csrattrs", body));

        Assert.That(await est.Client(est.At(server)).GetCsrAttributesAsync(CancellationToken.None), Is.Null);
    }

    [TestCase("application/csrattrs", "!!!!")]
    [TestCase("application/csrattrs", "AAAA")]
    [TestCase("text/html", "MAsGCSqGSIb3DQEJBw==")]
    public async Task Attributes_that_are_none_such_are_an_error(string mediaType, string body)
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Http(200, mediaType, body));

        var problem = await Assert.ThrowsAsync<Platform.ProblemException>(() => est.Client(est.At(server)).GetCsrAttributesAsync(CancellationToken.None));

        Assert.That(problem!.Code, Is.EqualTo("est_bad_answer"));
    }

    [TestCase("text/html", "<html>Please log in</html>", "text/html", "est_bad_answer")]
    [TestCase("application/pkcs7-mime", "<html>", "not base64")]
    [TestCase("application/pkcs7-mime", "", "empty")]
    [TestCase("application/pkcs7-mime", "\0\r\n", "not base64")]
    [TestCase("application/pkcs7-mime", "AAAA", "not PKCS#7")]
    [TestCase("application/pkcs7-mime", "MAsGCSqGSIb3DQEJBw==", "not PKCS#7")]
    [TestCase("application/pkcs7-mime", "MCMGCSqGSIb3DQEHAqAWMBQCAQExADALBgkqhkiG9w0BBwExAA==", "no certificate")]
    public async Task An_answer_that_is_not_PKCS7_is_told(string mediaType, string body, string told, string? message = null)
    {
        using var est = new EstFixture();

        var problem = await est.FailureAsync(est.At(est.Serve(_ => Answer.Http(200, mediaType, body))));

        Assert.That(problem.Code, Is.EqualTo("est_bad_answer"));
        Assert.That(problem.Message, Does.Contain(told).And.Contains("simpleenroll").And.Contains("'bootstrap'"));
        if (message is not null) Message.Shown(message, problem);
    }

    [Test]
    public async Task A_truncated_certificate_is_no_answer()
    {
        using var est = new EstFixture();
        var server = est.Serve(request => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10))[..^20]));

        Assert.That((await est.FailureAsync(est.At(server))).Code, Is.EqualTo("est_bad_answer"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task An_endless_answer_is_cut_off(bool withLength)
    {
        using var est = new EstFixture();
        var body = new string('A', 300 * 1024);
        var server = est.Serve(_ => withLength ? Answer.Http(200, MediaType, body) : Chunked(body));

        var problem = await est.FailureAsync(est.At(server));

        Assert.That(problem.Code, Is.EqualTo("est_bad_answer"));
        Assert.That(problem.Message, Does.Contain("256 KiB"));
    }

    [Test]
    public async Task An_answer_that_is_not_HTTP_is_told()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => new Answer("220 smtp.example ready\r\n\r\n"u8.ToArray()));

        Assert.That((await est.FailureAsync(est.At(server))).Code, Is.EqualTo("est_bad_answer"));
    }

    [Test]
    public async Task An_answer_that_breaks_off_is_told()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => new Answer(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: {MediaType}\r\nContent-Length: 1000\r\n\r\nMIIB"), Close: true));

        Assert.That((await est.FailureAsync(est.At(server))).Code, Is.EqualTo("est_reset"));
    }

    private static Answer Chunked(string body)
    {
        var text = new StringBuilder($"HTTP/1.1 200 OK\r\nContent-Type: {MediaType}\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (var at = 0; at < body.Length; at += 1000)
        {
            var part = body.Substring(at, Math.Min(1000, body.Length - at));
            text.Append($"{part.Length:x}\r\n{part}\r\n");
        }

        return new Answer(Encoding.ASCII.GetBytes(text.Append("0\r\n\r\n").ToString()));
    }
}
