using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Est.Tests.Support;
using EstProv.Platform.Network;
using EstProv.Simulator.Est;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Issuing;

/// <summary>What <c>[cert_issuance.est]</c> says of how the server is reached, verified and asked.</summary>
public sealed class EstSettingsTests
{
    private static readonly EstOptions ServerCaGiven = new() { Quirks = new EstQuirks { CaCertsServerCa = true } };

    [Test]
    public async Task A_device_that_knows_only_the_CAs_fingerprint_provisions_and_keeps_the_CA()
    {
        await using var device = await TestDevice.CreateAsync(ServerCaGiven);
        Approve(device, device.Simulator.Pki.EstServer.Certificate.RawData);
        device.Start();
        device.Provision();

        Assert.That(ApprovedFiles(device), Has.Length.EqualTo(1));
        var first = device.Simulator.Recorder.Requests()[0];
        Assert.That((first.Route, first.Client), Is.EqualTo(("cacerts", (string?)null)), "nothing is shown to a server that is not verified");

        device.Stop();
        // From now on the server could not hand it out.
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Route = "cacerts", Status = 404 });
        device.Start();
        Assert.That(Fetch(device), Throws.Nothing);
    }

    [Test]
    public async Task Another_CA_than_the_approved_one_is_not_taken_and_nothing_is_shown_to_its_server()
    {
        await using var device = await TestDevice.CreateAsync(ServerCaGiven);
        Approve(device, "some other CA"u8.ToArray());
        device.Start();

        Assert.That(device.Ensure("device-id").Problem!.Code, Is.EqualTo("est_fingerprint"));
        Assert.That(device.Simulator.Recorder.Requests().Select(request => (request.Route, request.Client)).Distinct(), Is.EqualTo([("cacerts", (string?)null)]));
        Assert.That(Directory.Exists(Path.Combine(device.Configuration.HomedirPath, "anchors")), Is.False);
    }

    [Test]
    public async Task A_file_that_was_put_in_the_CAs_place_counts_for_nothing()
    {
        await using var device = await TestDevice.CreateAsync(ServerCaGiven);
        Approve(device, device.Simulator.Pki.EstServer.Certificate.RawData);
        device.Start();
        Fetch(device)();
        var file = ApprovedFiles(device)[0];
        var good = await File.ReadAllTextAsync(file);
        device.Stop();
        await File.WriteAllTextAsync(file, device.Simulator.Pki.Bootstrap.Certificate.ExportCertificatePem());
        device.Start();

        Assert.That(Fetch(device), Throws.Nothing);
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo(good), "it was fetched again");
    }

    [Test]
    public async Task Requests_name_their_TLS_session_where_that_is_configured()
    {
        await using var device = await TestDevice.CreateAsync(new EstOptions { Quirks = new EstQuirks { RequireChannelBinding = true } });
        device.Start();
        Assert.That(device.Ensure("device-id").Problem!.Code, Is.EqualTo("est_rejected"));
        device.Stop();

        device.Configuration = With(device, est => est with { ChannelBinding = true });
        device.Start();

        // The first attempt is answered 202: the one after it is another session's.
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Pending, Label = "device-id", Polls = 1, RetryAfter = 1, Count = 1 });
        var answer = device.Ensure("device-id");
        for (var i = 0; i < 60 && answer.State != CredentialState.Staged; i++)
        {
            device.Advance(TimeSpan.FromMinutes(1));
            answer = device.Ensure("device-id");
        }

        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => $"{answer.Problem}\n{device.Events}");
    }

    [Test]
    public async Task The_configured_proxy_is_what_connections_go_through_whatever_the_environment_says()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Proxies = ProxyChoice.Always("http://127.0.0.1:1", "https_proxy");
        device.Start();
        Assert.That(device.Ensure("device-id").Problem!.Message, Does.Contain("connection refused by the proxy 127.0.0.1:1"));
        device.Stop();

        device.Configuration = With(device, est => est with { Proxy = TestDevice.At("http://127.0.0.2:1") });
        device.Start();
        Assert.That(Fetch(device), Throws.Exception.With.Message.Contains("connection refused by the proxy 127.0.0.2:1"));
        device.Stop();

        device.Configuration = With(device, est => est with { Proxy = TestDevice.At("none") });
        device.Start();
        Assert.That(Fetch(device), Throws.Nothing);
    }

    [Test]
    public async Task A_password_for_Digest_alone_is_not_sent_by_Basic()
    {
        await using var device = await TestDevice.CreateAsync(new EstOptions { BasicUsers = new Dictionary<string, string> { ["factory"] = "secret" } });
        await File.WriteAllTextAsync(device.FileOf("password"), "secret\n");
        device.Configuration = With(device, est => est with { Method = EstAuthentication.Basic, Username = "factory", PasswordFile = TestDevice.At(device.FileOf("password")), PasswordIsHashed = true });
        device.Start();
        var (csr, key) = Csr.Make("CN=server");
        var order = new EstOrder
        {
            Id = "module-server",
            Url = new Uri(device.Base + "/module-server"),
            Shown = device.Engine.Identities.SharedPassword,
            Csr = CallerRequest.Read(csr).Der,
            SubjectPublicKeyInfo = key.ExportSubjectPublicKeyInfo(),
            Reenroll = false,
            CaWanted = false,
        };

        Assert.That(() => device.Parts.Est!.Enroll(order, CancellationToken.None), Throws.Exception.With.Property("Code").EqualTo("est_unauthorized").And.Property("Hint").Contains("Digest is the only use"));
        device.Stop();
        device.Configuration = With(device, est => est with { PasswordIsHashed = false });
        device.Start();
        Assert.That(device.Parts.Est!.Enroll(order, CancellationToken.None), Is.InstanceOf<EstOutcome.Issued>());
    }

    [TestCase("-tls1_2", false)]
    [TestCase("-tls1_3", true)]
    public async Task A_server_that_wants_a_client_certificate_at_once_is_verified_where_TLS_stood_before(string protocol, bool verified)
    {
        await using var device = await TestDevice.CreateAsync();
        var ca = device.Simulator.Pki.EstServer;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        var now = device.Time.GetUtcNow();
        using var made = request.Create(ca.Certificate.SubjectName, ca.Generator(), now.AddDays(-1), now.AddDays(1), LocalMint.NewSerialNumber());
        using var server = new OpenSslServer(made.CopyWithPrivateKey(key), ca.Certificate, ca.Certificate, protocol);
        device.Start();

        var reach = device.Parts.Est!.Reach(new Uri($"https://localhost:{server.Port}/.well-known/est"), CancellationToken.None);

        Assert.That((reach.IsVerified, reach.WantsCredential), Is.EqualTo((verified, true)));
        Assert.That(reach.Problem, Is.Null);
    }

    private static void Approve(TestDevice device, byte[] certificate)
    {
        device.Configuration = With(device, est => est with { CaFingerprint = TestDevice.At(SHA256.HashData(certificate)) }) with
        {
            PreloadedBundles = new Dictionary<string, Positioned<IReadOnlyList<string>>>(),
        };
    }

    private static CertdConfiguration With(TestDevice device, Func<EstIssuance, EstIssuance> change) => device.Configuration with { Est = change(device.Configuration.Est!) };

    private static Action Fetch(TestDevice device) =>
        () => device.Parts.Est!.TrustFor(new Uri(device.Base), ShownCredential.Basic, CancellationToken.None);

    private static string[] ApprovedFiles(TestDevice device) => Directory.GetFiles(Path.Combine(device.Configuration.HomedirPath, "anchors"), "approved-*.pem");
}
