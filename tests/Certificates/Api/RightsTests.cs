using EstProv.Certificates.Api;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;
using EstProv.LocalApi.Access;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Server;
using EstProv.LocalApi.Tests.Support;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Certificates.Tests.Api;

public sealed class RightsTests
{
    private const uint Identityd = 102, Agent = 65_001;

    [Test]
    public void Nobody_is_admitted_silently_and_entries_for_one_user_add_up()
    {
        var rules = new CertificateRules([Principal(7, ["a*"], []), Principal(7, ["a*"], []), Principal(7, ["b"], ["device-ca"])], Identityd);
        var rights = new CertificateRights(() => rules, new DenialLog(NullLogger.Instance, TimeProvider.System));
        Assert.Multiple(() =>
        {
            Assert.That(() => rights.DemandCertificate(Peer(7), "abc"), Throws.Nothing);
            Assert.That(() => rights.DemandCertificate(Peer(7), "b"), Throws.Nothing);
            Assert.That(() => rights.DemandIssuer(Peer(7), "device-ca"), Throws.Nothing);
            Assert.That(() => rights.DemandCertificate(Peer(7), "c"), Forbidden);
            Assert.That(() => rights.DemandCertificate(Peer(0), "abc"), Forbidden, "root");
            Assert.That(() => rights.DemandIssuer(Peer(0), "device-ca"), Forbidden, "root");
            Assert.That(() => rights.DemandCertificate(Peer(Identityd), "c"), Throws.Nothing);
            Assert.That(() => rights.DemandIssuer(Peer(Identityd), "device-ca"), Forbidden);
        });
        rules = new CertificateRules([], Identityd);
        Assert.That(() => rights.DemandCertificate(Peer(7), "abc"), Forbidden, "rules that change hold at once");
    }

    [Test]
    public async Task Who_may_read_may_not_write_until_a_principal_says_so_and_that_needs_no_restart()
    {
        await using var certd = await CertdUnderTest.StartAsync();
        File.SetUnixFileMode(Path.GetDirectoryName(certd.Socket)!, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(certd.Socket, (UnixFileMode)0x1B6);
        Assert.That(Ask(certd.Socket, "GET", "/certificates/trust-bundle"), Is.Empty, "reading is open");
        Assert.That(Ask(certd.Socket, "DELETE", "/certificates/agent-cert"), Is.EqualTo("forbidden"));
        certd.Configure($"[[principal]]\nuid = {Agent}\ncerts = [\"agent-*\"]\n");
        Assert.That(SpinWait.SpinUntil(() => Ask(certd.Socket, "DELETE", "/certificates/agent-cert").Length == 0, TimeSpan.FromSeconds(20)));
        Assert.That(Ask(certd.Socket, "DELETE", "/certificates/other-cert"), Is.EqualTo("forbidden"));
        Assert.That(Ask(certd.Socket, "POST", "/reset", """{"now":true}"""), Is.EqualTo("forbidden"), "he may have some of what would be forgotten only");
    }

    private static NUnit.Framework.Constraints.IResolveConstraint Forbidden => Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("forbidden");

    private static PeerCredentials Peer(uint uid) => new(uid, uid, 1);

    private static CertificatePrincipal Principal(uint uid, string[] certs, string[] issuers) => new() { Uid = uid, Certs = certs, Issuers = issuers };

    private static string Ask(string socket, string method, string path, string? body = null) => AsUid.Run(Agent, () =>
    {
        using var client = new LocalClient(socket, "root", "Certificates Service", TimeSpan.FromSeconds(20));
        try
        {
            client.Send(method, $"{path}?api-version=2020-09-01", body is null ? default : System.Text.Encoding.UTF8.GetBytes(body), body is null ? null : "application/json");
            return "";
        }
        catch (ProblemException problem)
        {
            return problem.Code;
        }
    });
}
