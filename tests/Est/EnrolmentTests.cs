using EstProv.Est.Tests.Support;

namespace EstProv.Est.Tests;

public sealed class EnrolmentTests
{
    [Test]
    public async Task A_certificate_is_enrolled_and_the_body_has_the_form_that_every_server_reads()
    {
        using var est = new EstFixture();
        var server = est.Serve(request => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10))));

        var result = await est.Client(est.At(server)).EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        var issued = (EstEnrollment.Issued)result;
        Assert.That(issued.Certificates[0].PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(est.Spki));
        var request = server.Requests[0];
        Assert.Multiple(() =>
        {
            Assert.That($"{request.Method} {request.Path}", Is.EqualTo("POST /.well-known/est/simpleenroll"));
            Assert.That(request.Headers["Content-Type"], Is.EqualTo("application/pkcs10"));
            Assert.That(request.Headers["Content-Transfer-Encoding"], Is.EqualTo("base64"));
            Assert.That(request.Headers["Content-Length"], Is.EqualTo($"{request.Body.Length}"));
            Assert.That(request.Headers, Does.Not.ContainKey("Transfer-Encoding"));
            Assert.That(request.Headers, Does.Not.ContainKey("Authorization"));
            Assert.That(request.BodyText, Does.EndWith("\n").And.Not.Contains("\r").And.Not.EndsWith("\n\n"));
            Assert.That(request.BodyText.TrimEnd('\n').Split('\n')[..^1], Has.All.Length.EqualTo(64));
            Assert.That(request.Pkcs10, Is.EqualTo(est.Csr));
        });
    }
}
