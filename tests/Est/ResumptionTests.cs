using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using EstProv.Est.Tests.Support;
using EstProv.Platform;

namespace EstProv.Est.Tests;

/// <summary>RFC 7030 section 3.3: sessions are resumed where a server can do it without losing what was shown to it.</summary>
public sealed class ResumptionTests
{
    [TestCase("-tls1_2")]
    [TestCase("-tls1_3")]
    public async Task A_new_connection_of_a_client_whose_certificate_needs_no_intermediates_resumes_the_session(string protocol)
    {
        using var est = new EstFixture();
        using var server = new OpenSslServer(est.Issuing.Server(), est.Issuing.Public, est.Root.Public, protocol);
        using var identity = est.Root.Client("device-1");
        var at = est.At(server.Port) with { ClientCertificate = est.Root.Context(identity) };

        for (var i = 0; i < 3; i++) await AskAsync(est, at);

        Assert.That(await HitsAsync(server.Port, identity), Is.EqualTo(2));
    }

    [TestCase("-tls1_2")]
    [TestCase("-tls1_3")]
    public async Task A_client_certificate_with_intermediates_is_shown_anew_each_time(string protocol)
    {
        using var est = new EstFixture();
        using var server = new OpenSslServer(est.Issuing.Server(), est.Issuing.Public, est.Root.Public, protocol);
        using var identity = est.Issuing.Client("device-1");
        using var watcher = est.Root.Client("watcher");
        var at = est.At(server.Port) with { ClientCertificate = est.Issuing.Context(identity) };

        for (var i = 0; i < 3; i++) await AskAsync(est, at);

        Assert.That(await HitsAsync(server.Port, watcher), Is.Zero);
    }

    /// <summary>Over a connection of its own; the server answers a page about itself, which is no CA certificate.</summary>
    private static async Task AskAsync(EstFixture est, EstServer at)
    {
        using var client = new EstClient(at, est.Logger);
        var problem = (await Assert.ThrowsAsync<ProblemException>(() => client.GetCaCertificatesAsync(CancellationToken.None)))!;
        Assert.That(problem.Code, Is.EqualTo("est_bad_answer"), problem.Message);
    }

    /// <summary>How many sessions were resumed, as the server counts: its page says "N session cache hits".</summary>
    private static async Task<int> HitsAsync(int port, System.Security.Cryptography.X509Certificates.X509Certificate2 identity)
    {
        using var connection = new TcpClient("127.0.0.1", port);
        await using var tls = new SslStream(connection.GetStream(), false, (_, certificate, _, _) => certificate is not null);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "watcher", ClientCertificates = [identity], AllowTlsResume = false });
        await tls.WriteAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray());
        using var page = new StreamReader(tls, Encoding.ASCII);
        while (await page.ReadLineAsync() is { } line)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 4 && words[1] == "session" && words[2] == "cache" && words[3] == "hits") return int.Parse(words[0]);
        }

        throw new InvalidOperationException("the server does not tell");
    }
}
