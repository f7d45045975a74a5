using System.Formats.Asn1;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Est.Tests;

/// <summary>RFC 7030 section 3.5: the request says over which TLS session it goes.</summary>
public sealed class ChannelBindingTests
{
    private const string ChallengePassword = "1.2.840.113549.1.9.7";

    [TestCase(SslProtocols.Tls12)]
    [TestCase(SslProtocols.Tls12 | SslProtocols.Tls13)]
    public async Task The_request_carries_the_tls_unique_that_the_server_has(SslProtocols protocols)
    {
        using var est = new EstFixture();
        using var identity = est.Issuing.Client("device-1");
        var server = est.Serve(new ScriptedServer(est.ServerCertificate, request => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10))))
        {
            Protocols = protocols,
            ClientRoot = est.Root.Public,
        });

        var result = await est.Client(est.At(server) with { ClientCertificate = est.Issuing.Context(identity) }).EnrollBoundAsync(Bound(est), EstOperation.Simple, CancellationToken.None);

        Assert.That(result, Is.InstanceOf<EstEnrollment.Issued>());
        var request = server.Requests.Single();
        Assert.That(request.TlsUnique, Is.Not.Null.And.Length.EqualTo(16));
        Assert.That(PasswordOf(request), Is.EqualTo(request.TlsUnique));
        Assert.That(request.ClientChainLength, Is.EqualTo(2));
    }

    [Test]
    public async Task Each_session_has_a_request_of_its_own()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Http(202, null, "", "Retry-After: 1"));
        var client = est.Client(est.At(server));
        await client.EnrollBoundAsync(Bound(est), EstOperation.Simple, CancellationToken.None);
        await client.EnrollBoundAsync(Bound(est), EstOperation.Reenroll, CancellationToken.None);

        Assert.That(server.Requests.Select(PasswordOf), Is.EqualTo(server.Requests.Select(request => request.TlsUnique)));
        Assert.That(server.Requests.Select(request => request.TlsUnique).Distinct().Count(), Is.EqualTo(2));
        Assert.That(server.Requests.Select(request => request.Path[(request.Path.LastIndexOf('/') + 1)..]), Is.EqualTo(["simpleenroll", "simplereenroll"]));
    }

    [Test]
    public async Task A_password_that_the_server_asks_for_comes_with_a_request_bound_to_the_new_session()
    {
        using var est = new EstFixture();
        var door = new DigestDoor();
        var server = est.Serve(request => door.Admits(request)
            ? Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10)))
            : Answer.Http(401, null, [], "HTTP/1.1", close: true, door.Challenge()));
        var client = est.Client(est.At(server) with { Username = "estuser", Password = () => "correct horse", PasswordUse = EstPasswordUse.Digest });

        var result = await client.EnrollBoundAsync(Bound(est), EstOperation.Simple, CancellationToken.None);

        Assert.That(result, Is.InstanceOf<EstEnrollment.Issued>());
        Assert.That(server.Requests.Select(request => request.Connection), Is.EqualTo([1, 2]));
        Assert.That(server.Requests.Select(PasswordOf), Is.EqualTo(server.Requests.Select(request => request.TlsUnique)));
    }

    [Test]
    public async Task A_server_of_TLS_1_3_alone_is_told_and_gets_nothing()
    {
        using var est = new EstFixture();
        var server = est.Serve(new ScriptedServer(est.ServerCertificate, _ => Answer.Status(404)) { Protocols = SslProtocols.Tls13 });
        var made = 0;

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => est.Client(est.At(server)).EnrollBoundAsync(
            password =>
            {
                made++;
                return Bound(est)(password);
            },
            EstOperation.Simple, CancellationToken.None)))!;

        Assert.That(problem.Code, Is.EqualTo("est_no_channel_binding"));
        Assert.That(problem.Message, Does.Contain("TLS 1.2").And.Contains("tls-unique"));
        Assert.That((made, server.Requests.Count), Is.EqualTo((0, 0)));
        Message.Shown("est_no_channel_binding", problem);
    }

    [Test]
    public async Task A_server_that_is_not_verified_gets_no_request()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(404));

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => est.Client(est.At(server, host: "127.0.0.1"))
            .EnrollBoundAsync(Bound(est), EstOperation.Simple, CancellationToken.None)))!;

        Assert.That(problem.Code, Is.EqualTo("est_tls_name"));
        Assert.That(server.Requests, Is.Empty);
    }

    [Test]
    public async Task A_session_that_ends_without_an_answer_is_not_replaced_silently()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => new Answer([], Close: true));

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => est.Client(est.At(server)).EnrollBoundAsync(Bound(est), EstOperation.Simple, CancellationToken.None)))!;

        Assert.That(problem.Code, Is.EqualTo("est_reset"));
        Assert.That(server.Connections, Is.EqualTo(1));
    }

    private static Func<string, byte[]> Bound(EstFixture est) => password => CertificateSigningRequests.Create(
        new CertificateRequestContent { Subject = new X500DistinguishedName("CN=device-1"), ChallengePassword = password },
        new RemoteSignatureGenerator(est.Spki, (_, digest) => est.Key.SignHash(digest, DSASignatureFormat.Rfc3279DerSequence)));

    private static string PasswordOf(ReceivedRequest request)
    {
        var asked = CertificateRequest.LoadSigningRequest(request.Pkcs10, HashAlgorithmName.SHA256);
        var attribute = asked.OtherRequestAttributes.Single(attribute => attribute.Oid!.Value == ChallengePassword);
        return new AsnReader(attribute.RawData, AsnEncodingRules.DER).ReadCharacterString(UniversalTagNumber.PrintableString);
    }
}
