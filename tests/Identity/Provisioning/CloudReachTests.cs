using System.Net;
using System.Net.Sockets;
using EstProv.Configuration;
using EstProv.Configuration.Identityd;
using EstProv.Est.Tests.Support;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>What can be known of DPS and a hub to which nothing is shown.</summary>
public sealed class CloudReachTests
{
    private readonly TestPki _pki = new("Test CA");

    [TestCase("-tls1_2", false)]
    [TestCase("-tls1_3", true)]
    public async Task One_that_wants_a_certificate_is_verified_where_the_handshake_was_finished(string protocol, bool verified)
    {
        using var server = new OpenSslServer(_pki.Server("localhost"), _pki.Root, _pki.Root, protocol);

        var answered = await AskAsync(server.Port);

        Assert.That((answered.IsVerified, answered.WantsCredential), Is.EqualTo((verified, true)));
        Assert.That(answered.Problem, Is.Null);
    }

    [Test]
    public async Task One_that_hangs_up_after_the_handshake_is_verified_and_wants_a_certificate()
    {
        // .NET's server, which sends no alert.
        using var server = new TestDps(_pki.Server("localhost"));

        var answered = await AskAsync(server.Port);

        Assert.That((answered.IsVerified, answered.WantsCredential), Is.EqualTo((true, true)), answered.Problem?.ToLogText());
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_connection_that_ends_before_it_stands_is_a_problem_since_anything_on_the_way_may_have_ended_it(bool reset)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var ending = EndAsync(listener, reset);

        var answered = await AskAsync(((IPEndPoint)listener.LocalEndpoint).Port);

        await ending;
        Assert.That((answered.IsVerified, answered.WantsCredential, answered.Problem?.Code), Is.EqualTo((false, false, "cloud_reset")));
    }

    [Test]
    public async Task One_of_another_CA_is_a_problem()
    {
        var other = new TestPki("Other CA");
        using var server = new OpenSslServer(other.Server("localhost"), other.Root, _pki.Root, "-tls1_3");

        var answered = await AskAsync(server.Port);

        Assert.That((answered.IsVerified, answered.WantsCredential, answered.Problem?.Code),
            Is.EqualTo((false, false, "cloud_tls_untrusted")));
    }

    private static async Task EndAsync(TcpListener listener, bool reset)
    {
        using var connection = await listener.AcceptTcpClientAsync();
        // With the ClientHello read a close is an end; with linger 0 it is a reset.
        _ = await connection.GetStream().ReadAsync(new byte[4096]);
        if (reset) connection.LingerState = new LingerOption(true, 0);
    }

    private async Task<CloudAnswered> AskAsync(int port)
    {
        var certd = new MemoryCertd();
        certd.Others["dps-ca"] = [_pki.Root];
        var here = new Position("identityd.toml", 1, 1);
        var trusted = new Positioned<IReadOnlyList<string>>(["dps-ca"], here);
        var settings = new DpsProvisioning
        {
            ScopeId = "0neTEST",
            GlobalEndpoint = new Positioned<Uri>(new Uri($"https://localhost:{port}/"), here),
            TrustedCerts = trusted,
            Position = here,
            Authentication = Device.Certificate,
        };
        var folder = Directory.CreateTempSubdirectory("estprov-reach-").FullName;
        try
        {
            var clock = new BelievedClock(TimeProvider.System, DateTimeOffset.UtcNow.AddDays(-1), Path.Combine(folder, "clock"));
            var reach = new CloudReach(settings, new CloudTrust(trusted, certd), null, clock, NullLogger.Instance);
            return await reach.AskAsync(settings.GlobalEndpoint.Value, CancellationToken.None);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
