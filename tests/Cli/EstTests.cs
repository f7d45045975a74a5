using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using EstProv.Cli.Output;
using EstProv.Simulator;
using EstProv.Simulator.Est;
using EstProv.Simulator.Faults;

namespace EstProv.Cli.Tests;

/// <summary><c>estprov est …</c> against the simulator, over real TLS.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed partial class EstTests : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("estprov-est-");
    private SimulatorHost _simulator = null!;

    [SetUp]
    public async Task StartAsync() => _simulator = await SimulatorHost.StartAsync(new SimulatorOptions
    {
        Data = Path.Combine(_folder.FullName, "sim"),
        Est = new EstOptions
        {
            BasicUsers = new Dictionary<string, string> { ["factory"] = "secret" },
            Labels = new Dictionary<string, EstLabel>(EstOptions.DefaultLabels)
            {
                ["wishes"] = new() { Profile = EstProfile.Client, CsrAttributes = "MAkGByqGSM49AgE=" },
            },
        },
    });

    public async ValueTask DisposeAsync()
    {
        await _simulator.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Test]
    public void CA_certificates_are_fetched_from_a_server_verified_by_a_file()
    {
        var text = Run(out var code, "cacerts", "--url", Url("device-id"), "--ca", Ca);

        Assert.That(code, Is.Zero, text);
        Assert.That(Parse(text).Select(certificate => certificate.Subject), Is.EqualTo([_simulator.Pki.DeviceIdentity.Certificate.Subject, _simulator.Pki.IdentityRoot.Certificate.Subject]));
    }

    [Test]
    public void A_fingerprint_that_no_CA_has_ends_with_those_that_there_are()
    {
        var text = Run(out var code, "cacerts", "--url", Url("device-id"), "--fingerprint", "sha256:" + new string('0', 64));

        Assert.That(code, Is.EqualTo(1));
        Assert.That(text, Does.StartWith("error: https://localhost:").And.Contain("sha256:" + new string('0', 64)).And.Contain("\nhint: get the fingerprint from the CA's operator"));
        Assert.That(_simulator.Recorder.Requests().Select(request => request.Route), Is.EqualTo(["cacerts"]));
    }

    [Test]
    public void What_the_server_wants_to_see_is_printed()
    {
        Assert.That(Run(out _, "csrattrs", "--url", Url("wishes"), "--ca", Ca), Is.EqualTo("MAkGByqGSM49AgE=\n"));
        Assert.That(Run(out var code, "csrattrs", "--url", Url("device-id"), "--ca", Ca), Is.EqualTo("the server asks for nothing\n"));
        Assert.That(code, Is.Zero);
        Run(out _, "csrattrs", "--url", Url("wishes"), "--ca", Ca, "--out", InFolder("csrattrs.der"));
        Assert.That(File.ReadAllBytes(InFolder("csrattrs.der")), Is.EqualTo(Convert.FromBase64String("MAkGByqGSM49AgE=")));
    }

    [Test]
    public void A_request_is_enrolled_by_password_and_its_certificate_renewed_by_itself()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(InFolder("password"), "secret\n");
        File.WriteAllText(InFolder("key.pem"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(InFolder("csr.pem"), new CertificateRequest("CN=dev-1", key, HashAlgorithmName.SHA256).CreateSigningRequestPem());

        var text = Run(out var code, "enroll", "--url", Url("est-id"), "--ca", Ca, "--user", "factory", "--password-file", InFolder("password"), "--csr", InFolder("csr.pem"),
            "--out", InFolder("cert.pem"));
        Assert.That((code, text), Is.EqualTo((0, "")));
        var renewed = Run(out code, "reenroll", "--url", Url("est-id"), "--ca", Ca, "--cert", InFolder("cert.pem"), "--key", InFolder("key.pem"), "--csr", InFolder("csr.pem"));

        Assert.That(code, Is.Zero, renewed);
        var chain = Parse(renewed);
        Assert.That(chain.Select(certificate => certificate.Subject), Is.EqualTo(["CN=dev-1", _simulator.Pki.Identity.Certificate.Subject]));
        Assert.That(chain[0].SerialNumber, Is.Not.EqualTo(Parse(File.ReadAllText(InFolder("cert.pem")))[0].SerialNumber));
        Assert.That(_simulator.Recorder.Requests().Select(request => $"{request.Route} {request.Status}"), Is.EqualTo(["cacerts 200", "simpleenroll 200", "cacerts 200", "simplereenroll 200"]));
    }

    [Test]
    public void A_server_that_needs_time_is_an_error_that_says_when_to_come_again()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(InFolder("password"), "secret");
        File.WriteAllBytes(InFolder("csr.der"), new CertificateRequest("CN=dev-1", key, HashAlgorithmName.SHA256).CreateSigningRequest());
        _simulator.AddFault(new FaultRule { Kind = FaultKind.Pending, Polls = 1, RetryAfter = 7 });

        Check("pending", "enroll", "--url", Url("est-id"), "--ca", Ca, "--user", "factory", "--password-file", InFolder("password"), "--csr", InFolder("csr.der"));
    }

    [Test]
    public void What_is_given_wrongly_is_told_before_anything_is_asked()
    {
        using var rsa = RSA.Create(2048);
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(InFolder("boot.pem"), Bootstrap(rsa).ExportCertificatePem());
        File.WriteAllText(InFolder("other.key"), ec.ExportPkcs8PrivateKeyPem());
        var request = new CertificateRequest("CN=dev-1", ec, HashAlgorithmName.SHA256);
        File.WriteAllText(InFolder("ec.pem"), request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1)).ExportCertificatePem());
        var der = request.CreateSigningRequest();
        File.WriteAllBytes(InFolder("good.der"), der);
        der[^1] ^= 1;
        File.WriteAllBytes(InFolder("bad.der"), der);
        string[] server = ["--url", Url("est-id"), "--ca", Ca];

        Check("bad-url", "cacerts", "--url", "est.example", "--ca", Ca);
        Check("digest-of-nobody", "cacerts", "--url", Url("est-id"), "--ca", Ca, "--digest");
        File.WriteAllBytes(InFolder("ed25519.der"), RequestOfEd25519());
        Check("request-ed25519", ["enroll", .. server, "--csr", InFolder("ed25519.der")]);
        File.WriteAllBytes(InFolder("latin1"), [(byte)'p', 0xE4]);
        Check("password-no-utf8", ["csrattrs", .. server, "--user", "factory", "--password-file", InFolder("latin1")]);
        Check("no-file", ["enroll", .. server, "--csr", InFolder("nowhere.der")]);
        Check("bad-request", ["enroll", .. server, "--csr", InFolder("bad.der")]);
        Check("other-key", ["enroll", .. server, "--csr", InFolder("good.der"), "--cert", InFolder("boot.pem"), "--key", InFolder("other.key")]);
        string[] keygen = ["serverkeygen", .. server, "--subject", "CN=dev-1", "--key-out", InFolder("new.key"), "--encrypt"];
        Check("encrypt-for-nobody", keygen);
        Check("encrypt-for-ec", [.. keygen, "--cert", InFolder("ec.pem"), "--key", InFolder("other.key")]);
        Check("bad-subject", ["serverkeygen", .. server, "--subject", "nobody", "--key-out", InFolder("new.key")]);
        Assert.That(_simulator.Recorder.Requests(), Is.Empty);
        Assert.That(File.Exists(InFolder("new.key")), Is.False);
    }

    [Test]
    public void A_key_that_could_not_be_kept_is_not_asked_for_and_without_one_no_file_stays()
    {
        File.WriteAllText(InFolder("password"), "secret");
        File.WriteAllText(InFolder("there.key"), "precious");
        string[] keygen = ["serverkeygen", "--url", Url("est-id"), "--ca", Ca, "--user", "factory", "--password-file", InFolder("password"), "--subject", "CN=dev-1", "--key-out"];
        Check("key-file-there", [.. keygen, InFolder("there.key")]);
        Assert.That(File.ReadAllText(InFolder("there.key")), Is.EqualTo("precious"));
        Assert.That(_simulator.Recorder.Requests().Select(request => request.Route), Does.Not.Contain("serverkeygen"));

        File.WriteAllText(InFolder("password"), "another");
        Assert.That(Run(out var code, [.. keygen, InFolder("new.key")]), Does.StartWith("error: "));
        Assert.That((code, File.Exists(InFolder("new.key"))), Is.EqualTo((1, false)));
    }

    [Test]
    public void A_key_in_keyd_that_is_not_the_certificates_is_told()
    {
        using var device = new FakeDevice();
        device.StartKeyd();
        using var rsa = RSA.Create(2048);
        File.WriteAllText(InFolder("boot.pem"), Bootstrap(rsa).ExportCertificatePem());
        Check("key-of-keyd", "cacerts", "--url", Url("est-id"), "--ca", Ca, "--cert", InFolder("boot.pem"), "--key", "estprov:id=est-id", "--runtime-dir", device.Folder);
    }

    [TestCase(false)]
    [TestCase(true)]
    public void The_server_makes_a_key_that_its_owner_alone_can_read(bool encrypted)
    {
        using var rsa = RSA.Create(2048);
        var certificate = Bootstrap(rsa);
        File.WriteAllText(InFolder("boot.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(InFolder("boot.key"), rsa.ExportPkcs8PrivateKeyPem());
        string[] arguments = ["serverkeygen", "--url", Url("est-id"), "--ca", Ca, "--cert", InFolder("boot.pem"), "--key", InFolder("boot.key"), "--subject", "CN=dev-1",
            "--key-out", InFolder("new.key"), .. encrypted ? new[] { "--encrypt" } : []];

        var text = Run(out var code, arguments);

        Assert.That(code, Is.Zero, text);
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(InFolder("new.key")));
        Assert.That(Parse(text)[0].PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(key.ExportSubjectPublicKeyInfo()));
        Assert.That(File.GetUnixFileMode(InFolder("new.key")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));

        var before = File.ReadAllText(InFolder("new.key"));
        Assert.That(Run(out code, arguments), Does.Contain("error: cannot write " + InFolder("new.key")).And.Contain("not written over"));
        Assert.That((code, File.ReadAllText(InFolder("new.key"))), Is.EqualTo((1, before)));
    }

    [TestCase("--ca and --fingerprint", "one of --ca and --fingerprint is needed", "cacerts", "--url", "URL")]
    [TestCase("half a credential", "--cert and --key go together", "cacerts", "--url", "URL", "--ca", "CA", "--cert", "x")]
    [TestCase("half a user", "--user and --password-file go together", "cacerts", "--url", "URL", "--ca", "CA", "--user", "x")]
    [TestCase("no URL", "--url URL is missing", "cacerts", "--ca", "CA")]
    [TestCase("no fingerprint", "--fingerprint is sha256:", "cacerts", "--url", "URL", "--fingerprint", "abc")]
    [TestCase("no key to encrypt for", "--encrypt needs --cert and --key", "serverkeygen", "--url", "URL", "--ca", "CA", "--subject", "CN=x", "--key-out", "k", "--encrypt")]
    [TestCase("no name", "--subject takes a name", "serverkeygen", "--url", "URL", "--ca", "CA", "--subject", "nothing", "--key-out", "k")]
    public void Being_called_wrongly_is_told_before_anything_is_sent(string what, string error, params string[] arguments)
    {
        var text = Run(out var code, [.. arguments.Select(argument => argument switch { "URL" => Url("est-id"), "CA" => Ca, _ => argument })]);

        Assert.That(code, Is.EqualTo(64), what);
        Assert.That(text, Does.StartWith("error: " + error));
        Assert.That(_simulator.Recorder.Requests(), Is.Empty);
    }

    [TestCase("a request that is none", "is no PKCS#10 request", "enroll", "--csr", "CA")]
    [TestCase("a file that is not there", "cannot read /nowhere", "enroll", "--csr", "/nowhere")]
    [TestCase("a key of another certificate", "holds no key of the certificate", "cacerts", "--cert", "CA", "--key", "OTHER")]
    [TestCase("a key that is none", "holds no key of the certificate", "cacerts", "--cert", "CA", "--key", "CA")]
    public void Files_that_will_not_do_are_told(string what, string error, params string[] arguments)
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(InFolder("other.key"), other.ExportPkcs8PrivateKeyPem());

        var text = Run(out var code, [.. arguments.Select(argument => argument switch { "OTHER" => InFolder("other.key"), "CA" => Ca, _ => argument }), "--url", Url("est-id"), "--ca", Ca]);

        Assert.That(code, Is.EqualTo(1), what);
        Assert.That(text, Does.Contain(error).And.Contain("\nhint: "));
    }

    [Test]
    public void Full_CMC_is_refused_with_what_to_do_instead()
    {
        Check("full-cmc-command", "fullcmc");
        Assert.That(Run(out var code, "cacerts", "--url", Url("est-id") + "/fullcmc", "--ca", Ca), Does.Contain("asks for full CMC").And.Contain("hint: leave out '/fullcmc'"));
        Assert.That(code, Is.EqualTo(1));
    }

    /// <summary>Its signature is not looked at.</summary>
    private static byte[] RequestOfEd25519()
    {
        var der = new AsnWriter(AsnEncodingRules.DER);
        void Algorithm()
        {
            using (der.PushSequence()) der.WriteObjectIdentifier("1.3.101.112");
        }

        using (der.PushSequence())
        {
            using (der.PushSequence())
            {
                der.WriteInteger(0);
                der.WriteEncodedValue(new X500DistinguishedName("CN=dev-1").RawData);
                using (der.PushSequence())
                {
                    Algorithm();
                    der.WriteBitString(new byte[32]);
                }

                using (der.PushSetOf(new Asn1Tag(TagClass.ContextSpecific, 0)))
                {
                    // No attributes.
                }
            }

            Algorithm();
            der.WriteBitString(new byte[64]);
        }

        return der.Encode();
    }

    /// <summary>The simulator is called <c>est.example</c> in it, and all folders <c>/etc</c>.</summary>
    private void Check(string name, params string[] arguments)
    {
        var shown = Run(out var code, arguments);
        string Called(string text) => Temporary().Replace(text.Replace($"localhost:{_simulator.Ports.Est}", "est.example", StringComparison.Ordinal)
            .Replace(Path.GetDirectoryName(Ca)!, "/etc", StringComparison.Ordinal), "/etc");
        Transcript.Compare("est-" + name, [.. new[] { "est" }.Concat(arguments).Select(Called)], Called(shown), code, null, "");
    }

    [GeneratedRegex("/[^ ]*/estprov-[a-z]+-[A-Za-z0-9]+", RegexOptions.None, 1000)]
    private static partial Regex Temporary();

    private string Ca => _simulator.Pki.CertificatePath(_simulator.Pki.EstServer);

    private string Url(string label) => $"https://localhost:{_simulator.Ports.Est}/.well-known/est/{label}";

    private string InFolder(string name) => Path.Combine(_folder.FullName, name);

    private X509Certificate2 Bootstrap(RSA key)
    {
        var authority = _simulator.Pki.Bootstrap;
        var now = DateTimeOffset.UtcNow;
        var request = new CertificateRequest("CN=dev-1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return request.Create(authority.Certificate.SubjectName, authority.Generator(), now.AddMinutes(-5), now.AddDays(1), [1, 2, 3, 4]);
    }

    private static X509Certificate2Collection Parse(string pem)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(pem);
        return certificates;
    }

    private static string Run(out int code, params string[] arguments)
    {
        using var screen = new StringWriter { NewLine = "\n" };
        code = OperatorCommand.Run(["est", .. arguments], new Terminal(screen, screen, false, false), "1.2.3", TimeProvider.System);
        return screen.ToString();
    }
}
