using System.Diagnostics;
using System.Security.Cryptography;
using EstProv.Cli;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Keys.Tests;

namespace EstProv.Tls.Tests;

/// <summary>What <c>estprov key reference</c> prints, as a key file of the openssl command, with the whole keyd.</summary>
public sealed class ReferenceTests
{
    private TemporaryFolder _folder;
    private KeydUnderTest _keyd;

    [SetUp]
    public void Start()
    {
        _folder = new TemporaryFolder();
        _keyd = new KeydUnderTest();
        _keyd.Configure("");
        _keyd.Start();
        File.WriteAllText(_folder["openssl.cnf"], """
            openssl_conf = openssl_init
            [openssl_init]
            providers = provider_list
            [provider_list]
            default = default_on
            estprov = estprov_on
            [default_on]
            activate = 1
            [estprov_on]
            activate = 1
            """ + "\n");
        File.WriteAllText(_folder["message"], "message");
    }

    [TearDown]
    public void Stop()
    {
        _keyd.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void The_file_signs_on_after_a_rotation_with_the_new_key()
    {
        var old = _keyd.Client.CreateKeyPair("device id", "ec-p256");
        File.WriteAllText(_folder["key.pem"], Reference("device id"));
        AssertSignsAs(old);

        var next = _keyd.Client.StageNext("device id", "ec-p256");
        AssertSignsAs(old);
        _keyd.Client.Promote("device id", SHA256.HashData(next.SubjectPublicKeyInfo));
        _keyd.Client.RetirePrevious("device id");
        AssertSignsAs(next);
    }

    [Test]
    public void What_openssl_writes_as_the_private_key_is_the_same_file()
    {
        _keyd.Client.CreateKeyPair("device-id", "rsa-2048");
        File.WriteAllText(_folder["key.pem"], Reference("device-id"));
        Assert.That(OpenSsl("pkey", "-in", $"estprov:id=device-id?socket={_keyd.Socket}"), Is.EqualTo(File.ReadAllText(_folder["key.pem"])));
        Assert.That(OpenSsl("pkey", "-in", _folder["key.pem"]), Is.EqualTo(File.ReadAllText(_folder["key.pem"])));
    }

    [Test]
    public void Of_a_key_that_is_not_there_no_file_is_made()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.That(OperatorCommand.Run(["key", "reference", "nothing", "--socket", _keyd.Socket], output, error, "1", default), Is.EqualTo(1));
        Assert.That(output.ToString(), Is.Empty);
        Assert.That(error.ToString(), Does.StartWith("error: ").And.Contains("'nothing'").And.Contains("\nhint: "));
    }

    private string Reference(string id)
    {
        using var output = new StringWriter { NewLine = "\n" };
        Assert.That(OperatorCommand.Run(["key", "reference", id, "--socket", _keyd.Socket], output, output, "1", default), Is.Zero, output.ToString());
        return output.ToString();
    }

    private void AssertSignsAs(KeyReference key)
    {
        OpenSsl("dgst", "-sha256", "-sign", _folder["key.pem"], "-out", _folder["signature"], _folder["message"]);
        using var verifier = ECDsa.Create();
        verifier.ImportSubjectPublicKeyInfo(key.SubjectPublicKeyInfo, out _);
        Assert.That(verifier.VerifyData("message"u8, File.ReadAllBytes(_folder["signature"]), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence), Is.True);
    }

    private string OpenSsl(params string[] arguments)
    {
        var start = new ProcessStartInfo("openssl", arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OPENSSL_CONF"] = _folder["openssl.cnf"];
        start.Environment["OPENSSL_MODULES"] = Path.GetDirectoryName(BuiltProvider.Path);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, errors.Result);
        return output;
    }
}
