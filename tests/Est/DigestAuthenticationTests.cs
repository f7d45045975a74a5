using System.Security.Cryptography;
using EstProv.Est.Authentication;
using EstProv.Est.Tests.Support;

namespace EstProv.Est.Tests;

/// <summary>HTTP Digest (RFC 7030 section 3.2.3, RFC 7616).</summary>
public sealed class DigestAuthenticationTests
{
    private const string Secret = "correct horse";

    [TestCase(null)]
    [TestCase("MD5")]
    [TestCase("MD5-sess")]
    [TestCase("SHA-256")]
    [TestCase("SHA-256-sess")]
    public async Task A_request_is_sent_again_with_the_answer_by_each_algorithm(string? algorithm)
    {
        using var est = new EstFixture();
        var door = new DigestDoor { Algorithm = algorithm };
        var server = est.Serve(request => Guard(door, request, () => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10)))));

        var result = await est.Client(With(est.At(server))).EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        Assert.That(result, Is.InstanceOf<EstEnrollment.Issued>());
        Assert.That(server.Requests, Has.Count.EqualTo(2));
        Assert.That(server.Requests[0].Headers.ContainsKey("Authorization"), Is.False);
        Assert.That(server.Requests[1].Body, Is.EqualTo(server.Requests[0].Body));
    }

    [Test]
    public async Task A_server_that_closes_the_connection_after_the_401_is_answered_over_a_new_one()
    {
        using var est = new EstFixture();
        var door = new DigestDoor();
        // Without 'Connection: close', as libest does: whether it has closed is a matter of luck for whoever sends on.
        var server = est.Serve(request => door.Admits(request)
            ? Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10)))
            : Answer.Http(401, null, [], "HTTP/1.1", close: true, door.Challenge()));

        await est.Client(With(est.At(server))).EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        Assert.That(server.Requests.Select(request => request.Connection), Is.EqualTo([1, 2]));
    }

    [Test]
    public async Task The_nonce_serves_the_requests_that_follow_and_its_uses_are_counted()
    {
        using var est = new EstFixture();
        var door = new DigestDoor();
        var server = est.Serve(request => Guard(door, request, () => Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public))));
        var client = est.Client(With(est.At(server)));

        for (var i = 0; i < 3; i++) await client.GetCaCertificatesAsync(CancellationToken.None);

        Assert.That(server.Requests.Select(request => DigestDoor.Parameters(request)?["nc"]), Is.EqualTo([null, "00000001", "00000002", "00000003"]));
        Assert.That(server.Requests.Skip(1).Select(request => DigestDoor.Parameters(request)!["cnonce"]).Distinct().Count(), Is.EqualTo(3));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_nonce_of_before_that_is_not_taken_any_more_is_replaced(bool stale)
    {
        using var est = new EstFixture();
        var door = new DigestDoor();
        var server = est.Serve(request => Guard(door, request, () => Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public)), stale));
        var client = est.Client(With(est.At(server)));
        await client.GetCaCertificatesAsync(CancellationToken.None);

        door.Nonce = "nonce-2";
        await client.GetCaCertificatesAsync(CancellationToken.None);

        Assert.That(server.Requests, Has.Count.EqualTo(4));
        Assert.That(DigestDoor.Parameters(server.Requests[3])!["nc"], Is.EqualTo("00000001"));
    }

    [Test]
    public async Task A_nonce_that_is_stale_at_once_is_answered_once_more_and_no_further()
    {
        using var est = new EstFixture();
        var door = new DigestDoor();
        var server = est.Serve(_ => Answer.Status(401, "", door.Challenge(stale: true)));

        Assert.That((await est.FailureAsync(With(est.At(server)))).Code, Is.EqualTo("est_unauthorized"));
        Assert.That(server.Requests, Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_wrong_password_is_tried_once_and_told()
    {
        using var est = new EstFixture();
        var door = new DigestDoor(password: "another");
        var server = est.Serve(request => Guard(door, request, () => Answer.Status(404)));

        var problem = await est.FailureAsync(With(est.At(server)));

        Assert.That(problem.Code, Is.EqualTo("est_unauthorized"));
        Assert.That(problem.Hint, Does.Contain("check user name and password"));
        Assert.That(server.Requests, Has.Count.EqualTo(2));
        Assert.That(problem.ToTerminalText() + string.Join('\n', est.Logger.Lines), Does.Not.Contain(Secret));
    }

    [Test]
    public async Task The_user_name_is_hashed_where_asked_for()
    {
        using var est = new EstFixture();
        var door = new DigestDoor { UserHash = true, Algorithm = "SHA-256" };
        var server = est.Serve(request => Guard(door, request, () => Answer.Status(404)));

        Assert.That((await est.FailureAsync(With(est.At(server)))).Code, Is.EqualTo("est_not_found"));
        Assert.That(server.Requests[1].Headers["Authorization"], Does.Not.Contain("estuser").And.Contains("userhash=true"));
    }

    [Test]
    public async Task A_name_that_is_not_ASCII_goes_in_the_extended_notation()
    {
        using var est = new EstFixture();
        var door = new DigestDoor(user: "Jäsøn Doe") { More = ", charset=UTF-8" };
        var server = est.Serve(request => Guard(door, request, () => Answer.Status(404)));

        Assert.That((await est.FailureAsync(With(est.At(server)) with { Username = "Jäsøn Doe" })).Code, Is.EqualTo("est_not_found"));
    }

    [TestCase("SHA-512-256", "auth", "SHA-512-256")]
    [TestCase("MD5", "auth-int", "qop")]
    public async Task What_cannot_be_answered_ends_with_the_reason(string algorithm, string qop, string reason)
    {
        using var est = new EstFixture();
        var door = new DigestDoor { Algorithm = algorithm, Qop = qop };
        var server = est.Serve(_ => Answer.Status(401, "", door.Challenge()));

        var problem = await est.FailureAsync(With(est.At(server)));

        Assert.That(problem.Code, Is.EqualTo("est_unauthorized"));
        Assert.That(problem.Hint, Does.Contain(reason));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task The_first_challenge_that_can_be_answered_is()
    {
        using var est = new EstFixture();
        var door = new DigestDoor { Algorithm = "SHA-256", Qop = "auth-int, auth" };
        var unknown = new DigestDoor { Algorithm = "SHA-512-256" };
        var server = est.Serve(request => door.Admits(request) ? Answer.Status(404) : Answer.Status(401, "", unknown.Challenge(), door.Challenge(), new DigestDoor().Challenge()));

        Assert.That((await est.FailureAsync(With(est.At(server)))).Code, Is.EqualTo("est_not_found"));
    }

    [Test]
    public async Task The_password_itself_never_leaves_where_only_Digest_is_allowed()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(401, "", "WWW-Authenticate: Basic realm=\"est\""));

        var problem = await est.FailureAsync(With(est.At(server)));

        Assert.That(problem.Code, Is.EqualTo("est_unauthorized"));
        Assert.That(problem.Hint, Does.Contain("asks for Basic").And.Contains("Digest"));
        Assert.That(server.Requests.Single().Headers.ContainsKey("Authorization"), Is.False);
    }

    [Test]
    public async Task A_server_that_asks_for_Digest_alone_gets_it_where_Basic_is_sent_first()
    {
        using var est = new EstFixture();
        var door = new DigestDoor();
        var server = est.Serve(request => Guard(door, request, () => Answer.Pkcs7(TestCa.Pkcs7(est.Root.Public))));
        var client = est.Client(With(est.At(server)) with { PasswordUse = EstPasswordUse.Basic });

        await client.GetCaCertificatesAsync(CancellationToken.None);
        await client.GetCaCertificatesAsync(CancellationToken.None);

        Assert.That(server.Requests.Select(request => request.Headers["Authorization"].Split(' ')[0]), Is.EqualTo(["Basic", "Digest", "Digest"]));
    }

    [Test]
    public async Task A_password_that_Basic_was_refused_with_is_not_tried_by_Digest_too()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(401, "", "WWW-Authenticate: Basic realm=\"est\"", new DigestDoor().Challenge()));

        Assert.That((await est.FailureAsync(With(est.At(server)) with { PasswordUse = EstPasswordUse.Basic })).Code, Is.EqualTo("est_unauthorized"));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Nothing_is_sent_to_a_server_that_is_not_verified()
    {
        using var est = new EstFixture();
        var stranger = TestCa.Root("Strangers");
        est.ServerCertificate = stranger.Context(stranger.Server());
        var server = est.Serve(_ => Answer.Status(401, "", new DigestDoor().Challenge()));

        Assert.That((await est.FailureAsync(With(est.At(server)))).Code, Is.EqualTo("est_tls_untrusted"));
        Assert.That(server.Requests, Is.Empty);
    }

    /// <summary>The example of RFC 7616 section 3.9.1.</summary>
    [TestCase("MD5", "8ca523f5e9506fed4657c9700eebdbec")]
    [TestCase("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")]
    public void The_example_of_the_RFC_comes_out(string algorithm, string response)
    {
        var challenge = DigestChallenge.Read($"realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, "
            + "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"", out _)!;

        var answer = DigestAnswer.Create(challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html", 1, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");

        Assert.That(challenge.Hash, Is.EqualTo(algorithm == "MD5" ? HashAlgorithmName.MD5 : HashAlgorithmName.SHA256));
        Assert.That(answer, Does.Contain($"response=\"{response}\"").And.Contains("nc=00000001, ").And.StartsWith("username=\"Mufasa\", "));
    }

    [TestCase("")]
    [TestCase("realm=\"r\"")]
    [TestCase("realm=\"r, nonce=\"n\", qop=\"auth\"")]
    [TestCase("realm=\"r\", nonce=\"n\", qop=\"auth\", nonce=\"m\"")]
    [TestCase("realm=\"r\" nonce=\"n\", qop=\"auth\"")]
    [TestCase("realm=\"r\\")]
    [TestCase("realm=, nonce=\"n\", qop=\"auth\"")]
    [TestCase("realm=\"é\", nonce=\"n\", qop=\"auth\"")]
    public void What_is_no_challenge_is_not_answered(string text) => Assert.That(DigestChallenge.Read(text, out _), Is.Null);

    private static EstServer With(EstServer server) => server with { Username = "estuser", Password = () => Secret, PasswordUse = EstPasswordUse.Digest };

    private static Answer Guard(DigestDoor door, ReceivedRequest request, Func<Answer> admitted, bool stale = false) =>
        door.Admits(request) ? admitted() : Answer.Status(401, "", door.Challenge(stale));
}
