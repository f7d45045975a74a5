using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Ways;

/// <summary>Programs without OpenSSL's provider use the device's keys by PKCS#11, and cannot read them: OpenSC's and GnuTLS' tools, ssh.</summary>
public sealed class FrontModuleTests
{
    private readonly SimulatorFixture _simulator = new(options => options with { AssignedHub = "auto" });
    private Device _device = null!;
    private FrontModule _module = null!;

    [OneTimeSetUp]
    public void Provision()
    {
        _device = new Device(_simulator, "front-module");
        File.AppendAllText(_device.At("keyd.toml"), $"""
            [[principal]]
            uid = {Device.UserId}
            keys = ["*"]
            rights = ["use", "generate", "delete"]

            """);
        _device.StartAll();
        _device.WaitUntilProvisioned();
        _module = new FrontModule(_device);
    }

    [OneTimeTearDown]
    public void TearDown()
    {
        _device.Dispose();
        _simulator.Dispose();
    }

    [Test]
    public void OpenSCs_tool_lists_keys_and_certificates_without_a_PIN()
    {
        var list = _module.Pkcs11Tool("--list-objects");
        foreach (var id in (string[])["bootstrap", "est-id", "device-id"])
        {
            Assert.That(list, Does.Match($@"Private Key Object; EC\s+label:\s+{id}\s+ID:\s+{Convert.ToHexStringLower(Encoding.UTF8.GetBytes(id))}"));
            Assert.That(list, Does.Match($@"Certificate Object; type = X.509 cert\s+label:\s+{id}\s"));
        }

        Assert.That(list, Does.Contain("sensitive, always sensitive, never extractable"));
        Assert.That(_module.Pkcs11Tool("--list-slots"), Does.Contain("token initialized").And.Not.Contain("login required"));
    }

    [TestCase("ECDSA")]
    [TestCase("ECDSA-SHA256")]
    [TestCase("ECDSA-SHA384")]
    public void What_OpenSCs_tool_signs_openssl_verifies(string mechanism)
    {
        var message = RandomNumberGenerator.GetBytes(5000);
        File.WriteAllBytes(_device.At("message"), message);
        File.WriteAllBytes(_device.At("input"), mechanism == "ECDSA" ? SHA256.HashData(message) : message);
        _module.Pkcs11Tool("--sign", "--mechanism", mechanism, "--id", Hex("device-id"), "--signature-format", "openssl", "--input-file", _device.At("input"),
            "--output-file", _device.At("signature"));
        AssertVerified("device-id", mechanism == "ECDSA-SHA384" ? "sha384" : "sha256");
    }

    [TestCase("SHA256-RSA-PKCS")]
    [TestCase("SHA512-RSA-PKCS")]
    public void An_RSA_key_signs_what_openssl_verifies(string mechanism)
    {
        using var calls = new LocalCalls(_device);
        calls.Ask("keyd", HttpMethod.Post, "/keypair", new { keyId = "log-key", preferredAlgorithms = "rsa-2048" });
        File.WriteAllBytes(_device.At("message"), RandomNumberGenerator.GetBytes(300));
        _module.Pkcs11Tool("--sign", "--mechanism", mechanism, "--id", Hex("log-key"), "--input-file", _device.At("message"), "--output-file", _device.At("signature"));
        PublicKey("log-key");
        Verify(mechanism.StartsWith("SHA512", StringComparison.Ordinal) ? "sha512" : "sha256");
    }

    [Test]
    public void GnuTLS_tool_lists_all_and_its_test_signature_verifies()
    {
        var list = _module.P11tool("--list-all", "pkcs11:token=EstProv");
        Assert.That(list, Does.Contain("object=device-id;type=private").And.Contains("object=device-id;type=cert").And.Contains("CKA_CERTIFICATE_CATEGORY=CA"));
        Assert.That(_module.P11tool("--export", "pkcs11:token=EstProv;id=device-id;type=cert"), Does.StartWith("-----BEGIN CERTIFICATE-----"));
        Assert.That(() => _module.P11tool("--test-sign", "pkcs11:token=EstProv;id=device-id;type=private"), Throws.Nothing);
    }

    [Test]
    public void GnuTLS_client_opens_mutual_TLS_to_the_hub_with_the_devices_key()
    {
        var answer = _module.Request("device-id", _simulator.DpsCa, _simulator.Ports.Hub, $"""
            POST /devices/{_device.Name}/messages/events?api-version=2020-03-13 HTTP/1.1
            Host: localhost:{_simulator.Ports.Hub}
            Content-Length: 5
            Connection: close

            hello
            """);
        Assert.That(answer, Does.Contain("HTTP/1.1 204"), _device.Logs);
    }

    [Test]
    public void Ssh_agent_signs_with_the_devices_key()
    {
        File.WriteAllText(_device.At("signed-by-agent"), "a file");
        Assert.That(_module.SignByAgent(DeviceSshKey(), _device.At("signed-by-agent")), Does.StartWith("Good \"test\" signature for device with ECDSA key"));
    }

    [Test]
    public void Ssh_logs_in_with_the_devices_key()
    {
        using var server = _module.StartSshd([DeviceSshKey()], out var port);
        Assert.That(_module.Ssh(port, "echo logged in"), Is.EqualTo("logged in\n"), () => server.Output);
    }

    [Test]
    public void A_rotation_is_followed()
    {
        using var calls = new LocalCalls(_device);
        calls.Ask("keyd", HttpMethod.Post, "/keypair", new { keyId = "rotated", preferredAlgorithms = "ec-p256" });
        var before = PublicKey("rotated");
        calls.Ask("keyd", HttpMethod.Post, "/keypair/rotated/next", new { preferredAlgorithms = "ec-p256" });
        Assert.That(PublicKey("rotated"), Is.EqualTo(before), "staged, and not in use");
        var next = calls.Ask("keyd", HttpMethod.Get, "/keypairs").GetProperty("keypairs").EnumerateArray()
            .Single(static pair => pair.GetProperty("keyId").GetString() == "rotated" && pair.GetProperty("state").GetString() == "next").GetProperty("spki").GetBytesFromBase64();
        var (status, text) = calls.Send("keyd", HttpMethod.Post, "/keypair/rotated/promote", new { spki = System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(next)) });
        Assert.That(status, Is.EqualTo(System.Net.HttpStatusCode.NoContent), text);
        Assert.That(PublicKey("rotated"), Is.EqualTo(next));
        File.WriteAllText(_device.At("message"), "rotated");
        _module.Pkcs11Tool("--sign", "--mechanism", "ECDSA-SHA256", "--id", Hex("rotated"), "--signature-format", "openssl", "--input-file", _device.At("message"),
            "--output-file", _device.At("signature"));
        Verify("sha256");
    }

    /// <summary>What the module tells of a public key, DER; left in the folder as PEM.</summary>
    private byte[] PublicKey(string id)
    {
        _module.Pkcs11Tool("--read-object", "--type", "pubkey", "--id", Hex(id), "--output-file", _device.At("public.der"));
        Tool.Run("openssl", ["pkey", "-pubin", "-inform", "DER", "-in", _device.At("public.der"), "-out", _device.At("public.pem")]);
        return File.ReadAllBytes(_device.At("public.der"));
    }

    private string DeviceSshKey()
    {
        var own = _module.SshKeys().Single(line => line.EndsWith(" device-id", StringComparison.Ordinal));
        Assert.That(own, Does.StartWith("ecdsa-sha2-nistp256 "));
        return own;
    }

    private string Certificate(string id)
    {
        _module.Pkcs11Tool("--read-object", "--type", "cert", "--id", Hex(id), "--output-file", _device.At("certificate.der"));
        return X509CertificateLoader.LoadCertificateFromFile(_device.At("certificate.der")).ExportCertificatePem();
    }

    /// <summary>The signature in the folder is that of the message, by the key of the certificate that the module tells.</summary>
    private void AssertVerified(string id, string hash)
    {
        File.WriteAllText(_device.At("certificate.pem"), Certificate(id));
        File.WriteAllText(_device.At("public.pem"), Tool.Run("openssl", ["x509", "-in", _device.At("certificate.pem"), "-noout", "-pubkey"]));
        Verify(hash);
    }

    private void Verify(string hash) => Assert.That(Tool.Run("openssl",
        ["dgst", "-" + hash, "-verify", _device.At("public.pem"), "-signature", _device.At("signature"), _device.At("message")]), Does.Contain("Verified OK"));

    private static string Hex(string id) => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(id));
}
