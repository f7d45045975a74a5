using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Keys;
using EstProv.LocalApi;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Cli.Tests;

/// <summary>bootstrap create and install, with a Key Service of its own (file store) in this process.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class BootstrapTests : IDisposable
{
    private readonly FakeDevice _device = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _keyd;

    public BootstrapTests()
    {
        BrokenDevice.Write(_device, "keyd.toml",
            $"homedir_path = \"{_device.Folder}/keyd\"\n[[principal]]\nuid = {Users.Self}\nkeys = [\"*\"]\nrights = [\"use\", \"generate\"]");
        BrokenDevice.Write(_device, "certd.toml", $"[preloaded_certs]\nbootstrap = \"{_device.Folder}/bootstrap.cer\"");
        _device.Time.SetUtcNow(DateTimeOffset.UtcNow);
        _keyd = new Thread(() => KeyDaemon.Run(new DaemonContext
        {
            ConfigFile = Path.Combine(_device.Folder, "keyd.toml"),
            ConfigDir = Path.Combine(_device.Folder, "keyd.d"),
            RuntimeDir = _device.Folder,
            Loggers = NullLoggerFactory.Instance,
            Time = TimeProvider.System,
            BuildTime = default,
            Stopping = _stop.Token,
        }));
        _keyd.Start();
        Assert.That(() => File.Exists(Path.Combine(_device.Folder, "keyd.sock")), Is.True.After(10_000, 5));
    }

    public void Dispose()
    {
        _stop.Cancel();
        _keyd.Join();
        _stop.Dispose();
        _device.Dispose();
    }

    [TestCase("ec-p256")]
    [TestCase("rsa-2048")]
    public void A_request_is_signed_elsewhere_and_its_certificate_put_where_certd_reads_it(string algorithm)
    {
        var pem = Run(0, "create", "--subject", "CN=device-0001, O=Example", "--algorithm", algorithm);
        Assert.That(Run(0, "create", "--subject", "CN=device-0001, O=Example"), Does.StartWith("-----BEGIN CERTIFICATE REQUEST-----"),
            "the key is there, and used again");
        var request = CertificateRequest.LoadSigningRequestPem(pem, HashAlgorithmName.SHA256,
            CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions, RSASignaturePadding.Pkcs1);
        Assert.That(request.SubjectName.Name, Is.EqualTo("CN=device-0001, O=Example"));
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var ca = new CertificateRequest("CN=CA", caKey, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        using var signed = new CertificateRequest(request.SubjectName, request.PublicKey, HashAlgorithmName.SHA256)
            .Create(ca.SubjectName, X509SignatureGenerator.CreateForECDsa(caKey), DateTimeOffset.UtcNow.AddHours(-1),
                DateTimeOffset.UtcNow.AddDays(9), [1]);
        var file = Path.Combine(_device.Folder, "signed.pem");
        File.WriteAllText(file, signed.ExportCertificatePem() + "\n" + ca.ExportCertificatePem() + "\n");

        Assert.That(Run(0, "install", file, "--dir", _device.Folder), Does.Contain("is in " + _device.Folder + "/bootstrap.cer"));
        Assert.That(File.ReadAllText(Path.Combine(_device.Folder, "bootstrap.cer")), Is.EqualTo(File.ReadAllText(file)));
    }

    [Test]
    public void Its_own_signature_will_do_on_a_bench()
    {
        using var certificate = X509Certificate2.CreateFromPem(Run(0, "create", "--self-signed", "--days", "7"));
        Assert.That(certificate.Subject, Is.EqualTo("CN=machine-7"));
        Assert.That(certificate.NotAfter - certificate.NotBefore, Is.EqualTo(TimeSpan.FromDays(7) + TimeSpan.FromMinutes(5))
            .Within(TimeSpan.FromSeconds(2)));
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(certificate);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        Assert.That(chain.Build(certificate), Is.True, "the signature is the key's");
    }

    [Test]
    public void A_certificate_for_another_key_one_that_has_expired_and_an_id_without_a_file_are_refused()
    {
        Run(0, "create");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=device-0001", key, HashAlgorithmName.SHA256);
        var file = Path.Combine(_device.Folder, "other.pem");
        File.WriteAllText(file, request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-9), DateTimeOffset.UtcNow.AddDays(9))
            .ExportCertificatePem());
        Transcript.Check("bootstrap-key-mismatch", _device, "bootstrap", "install", file, "--dir", _device.Folder);
        Transcript.Check("bootstrap-not-configured", _device, "bootstrap", "install", file, "--id", "other", "--dir", _device.Folder);
        File.WriteAllText(file, request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(50))
            .ExportCertificatePem());
        Transcript.Check("bootstrap-expired", _device, "bootstrap", "install", file, "--dir", _device.Folder);
        _device.Time.SetUtcNow(DateTimeOffset.UnixEpoch.AddYears(150));
        File.WriteAllText(file, request.CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(160), DateTimeOffset.UnixEpoch.AddYears(170)).ExportCertificatePem());
        Transcript.Check("bootstrap-not-yet", _device, "bootstrap", "install", file, "--dir", _device.Folder);
        Assert.That(File.Exists(Path.Combine(_device.Folder, "bootstrap.cer")), Is.False);
        Assert.That(Run(64, "create", "--days", "0"), Does.Contain("--days"));
        Assert.That(Run(64, "create", "--subject", "nobody"), Does.Contain("--subject"));
    }

    [Test]
    public void An_algorithm_of_which_no_request_can_be_made_makes_no_key()
    {
        Assert.That(Run(64, "create", "--algorithm", "ec-p256:ed25519"), Does.Contain("not 'ed25519'"));
        using var daemons = new Daemons.DaemonClients(_device.Folder);
        Assert.That(daemons.Keys.FindKeyPair("bootstrap"), Is.Null);
    }

    [Test]
    public void Where_certd_is_not_configured_rightly_nothing_is_installed()
    {
        BrokenDevice.Write(_device, "certd.toml", "homedir_pth = \"/var/lib/estprov/certd\"");
        var file = Path.Combine(_device.Folder, "boot.pem");
        File.WriteAllText(file, Run(0, "create", "--self-signed"));
        Transcript.Check("bootstrap-config", _device, "bootstrap", "install", file, "--dir", _device.Folder);
    }

    [Test]
    public void Key_and_certificate_are_those_that_certd_pairs()
    {
        BrokenDevice.Write(_device, "certd.toml", $"""
            [cert_issuance.est]
            method = "x509"
            trust = "system"
            identity_cert = "est-id"
            identity_pk = "est-id"
            bootstrap_identity_cert = "birth-cert"
            bootstrap_identity_pk = "birth-key"
            [cert_issuance.est.urls]
            default = "https://est.example/.well-known/est"
            [preloaded_certs]
            birth-cert = "{_device.Folder}/birth.cer"
            """);
        var file = Path.Combine(_device.Folder, "birth.pem");
        File.WriteAllText(file, Run(0, "create", "--self-signed", "--dir", _device.Folder));
        using var daemons = new Daemons.DaemonClients(_device.Folder);
        Assert.That(daemons.Keys.FindKeyPair("birth-key"), Is.Not.Null);
        Assert.That(daemons.Keys.FindKeyPair("bootstrap"), Is.Null);
        Assert.That(Run(0, "install", file, "--dir", _device.Folder), Does.Contain("is in " + _device.Folder + "/birth.cer"));
    }

    private string Run(int expected, params string[] arguments)
    {
        var text = Transcript.Run(_device, ["bootstrap", .. arguments], out var code);
        Assert.That(code, Is.EqualTo(expected), text);
        return text;
    }
}
