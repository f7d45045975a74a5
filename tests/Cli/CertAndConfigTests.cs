using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Cli.Output;

namespace EstProv.Cli.Tests;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class CertAndConfigTests : IDisposable
{
    private readonly FakeDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Test]
    public void A_certificate_and_its_chain_are_shown()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=dev-1, O=Example", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var start = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        using var certificate = request.CreateSelfSigned(start, start.AddYears(1));
        _device.StartCertd().Certificates["device-id"] = certificate.ExportCertificatePem() + "\n";

        var text = Transcript.Run(_device, ["cert", "show", "device-id"], out var code);
        Assert.That(code, Is.Zero);
        Assert.That(text, Does.StartWith("subject      CN=dev-1, O=Example\n").And.Contain("valid        2026-01-02 03:04:05Z to 2027-01-02 03:04:05Z\n").And.Contain("CA           yes\n"));
        Assert.That(text, Does.EndWith(_device.Certificates["device-id"]));
        Assert.That(Transcript.Run(_device, ["cert", "show", "--pem", "device-id"], out _), Is.EqualTo(_device.Certificates["device-id"]));
    }

    [Test]
    public void A_certificate_that_is_not_there()
    {
        _device.StartCertd();
        Transcript.Check("cert-not-there", _device, "cert", "show", "device-ca");
    }

    [Test]
    public void Something_that_is_no_certificate()
    {
        _device.StartCertd().Certificates["x"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        Transcript.Check("cert-invalid", _device, "cert", "show", "x");
    }

    [Test]
    public void Good_files_are_called_good()
    {
        Write("keyd.toml", "");
        Write("certd.toml", "");
        Write("identityd.toml", """
            [provisioning]
            source = "dps"
            scope_id = "0ne0001"
            [provisioning.attestation]
            method = "x509"
            identity_cert = "device-id"
            identity_pk = "device-id"
            """);
        Assert.That(Config("check", "--dir", _device.Folder), Does.EndWith("[0]"));
    }

    [Test]
    public void All_errors_of_all_files_are_said()
    {
        Write("keyd.toml", "max_reqests = 3\n");
        Write("certd.toml", "homedir_path = 5\n");
        var text = Config("check", "--dir", _device.Folder);
        Assert.That(text, Does.Contain("keyd.toml: 1 error\nerror: " + _device.Folder + "/keyd.toml:1:1:").And.Contain("certd.toml: 1 error").And.Contain("identityd.toml: 1 error").And.EndWith("[1]"));
    }

    [Test]
    public void The_reference_is_printed() => Assert.That(Config("reference"), Does.StartWith("# Configuration reference\n").And.Contain("identity_pk").And.EndWith("[0]"));

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_device.Folder, file), text);

    private static string Config(params string[] arguments)
    {
        using var screen = new StringWriter { NewLine = "\n" };
        var code = OperatorCommand.Run(["config", .. arguments], new Terminal(screen, screen, false, false), "1.2.3", TimeProvider.System);
        return screen + $"[{code}]";
    }
}
