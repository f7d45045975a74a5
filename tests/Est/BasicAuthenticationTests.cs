using System.Text;
using EstProv.Est.Tests.Support;
using EstProv.Messages;

namespace EstProv.Est.Tests;

/// <summary>HTTP Basic (RFC 7030 section 3.2.3, RFC 7617).</summary>
public sealed class BasicAuthenticationTests
{
    private const string Secret = "correct horse";

    [Test]
    public async Task Name_and_password_go_with_the_first_request()
    {
        using var est = new EstFixture();
        var server = est.Serve(request => Answer.Pkcs7(TestCa.Pkcs7(est.Issuing.Issue(request.Pkcs10))));

        await est.Client(WithPassword(est.At(server))).EnrollAsync(est.Csr, EstOperation.Simple, CancellationToken.None);

        var expected = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("estuser:" + Secret));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
        Assert.That(server.Requests[0].Headers["Authorization"], Is.EqualTo(expected));
    }

    [Test]
    public async Task Nothing_is_sent_to_a_server_that_is_not_verified()
    {
        using var est = new EstFixture();
        var stranger = TestCa.Root("Strangers");
        est.ServerCertificate = stranger.Context(stranger.Server());
        var server = est.Serve(_ => Answer.Status(200));
        var read = 0;

        await est.FailureAsync(est.At(server) with
        {
            Username = "estuser",
            Password = () =>
            {
                read++;
                return Secret;
            },
        });

        Assert.That(server.Requests, Is.Empty);
        Assert.That(read, Is.LessThanOrEqualTo(1));
    }

    [Test]
    public async Task A_server_that_refuses_Basic_without_a_word_may_want_Digest()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(401, ""));

        var problem = await est.FailureAsync(WithPassword(est.At(server)));

        Assert.That(problem.Hint, Does.Contain("http_authentication = \"digest\""));
        Message.Shown("est_unauthorized-digest-alone", problem);
    }

    [Test]
    public async Task The_password_is_in_no_message_and_in_no_log_even_if_the_server_sends_it_back()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(401, $"wrong password: {Secret}", "WWW-Authenticate: Basic realm=\"est\""));

        var problem = await est.FailureAsync(WithPassword(est.At(server)));

        Assert.That(problem.ToTerminalText(), Does.Not.Contain(Secret));
        Assert.That(problem.Hint, Does.Contain("check user name and password"));
        Assert.That(est.Logger.Lines, Has.None.Contains(Secret));
        Assert.That(est.At(server).ToString() + WithPassword(est.At(server)), Does.Not.Contain(Secret));
    }

    [Test]
    public async Task A_changed_password_is_used_by_the_same_client()
    {
        using var est = new EstFixture();
        var server = est.Serve(request => request.Headers["Authorization"].EndsWith(Convert.ToBase64String("estuser:new"u8), StringComparison.Ordinal)
            ? Answer.Status(404)
            : Answer.Status(401));
        var password = "old";
        var client = est.Client(est.At(server) with { Username = "estuser", Password = () => password });

        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_unauthorized"));
        password = "new";
        Assert.That((await est.FailureAsync(client)).Code, Is.EqualTo("est_not_found"));
    }

    [Test]
    public async Task A_user_name_without_a_password_is_told_before_anything_is_sent()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Answer.Status(404));

        var problem = await est.FailureAsync(est.At(server) with { Username = "estuser", Password = () => null });

        Assert.That(problem.Code, Is.EqualTo("est_no_password"));
        Assert.That(server.Connections, Is.Zero);
    }

    private static EstServer WithPassword(EstServer server) => server with { Username = "estuser", Password = () => Secret };
}
