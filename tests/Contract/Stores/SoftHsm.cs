using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EstProv.Contract.Tests.Stores;

/// <summary>A SoftHSM2 installation of its own in a temporary folder. Only one at a time: the module reads its place from the environment.</summary>
internal sealed partial class SoftHsm : IDisposable
{
    public const string Module = "/usr/lib/softhsm/libsofthsm2.so";
    public const string Pin = "1234";

    private readonly TemporaryFolder _folder;

    /// <param name="inMemory">See <see cref="TemporaryFolder"/>.</param>
    public SoftHsm(string label = "edge", bool inMemory = false)
    {
        _folder = new TemporaryFolder(inMemory);
        Label = label;
        Directory.CreateDirectory(_folder["tokens"]);
        File.WriteAllText(Configuration, $"directories.tokendir = {_folder["tokens"]}\nobjectstore.backend = file\nlog.level = ERROR\n");
        // The module calls getenv, which does not see what .NET's own method sets.
        if (SetEnvironment("SOFTHSM2_CONF", Configuration, 1) != 0) throw new InvalidOperationException("setenv failed");
        AddToken(label);
    }

    public string Label { get; }

    public string TokenUri => $"pkcs11:token={Label}?pin-value={Pin}";

    private string Configuration => _folder["softhsm2.conf"];

    public void AddToken(string label, string pin = Pin) => Run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "5678");

    /// <summary>Makes a key as an operator does.</summary>
    /// <param name="type"><c>EC:prime256v1</c>, <c>rsa:2048</c> …</param>
    public void MakeKey(string label, string id, string type = "EC:prime256v1") =>
        Tool("--keypairgen", "--key-type", type, "--label", label, "--id", id, "--usage-sign");

    /// <summary>Makes a symmetric key for HMAC as an operator does.</summary>
    public void MakeSecret(string label, string id) =>
        Tool("--keygen", "--key-type", "GENERIC:32", "--label", label, "--id", id, "--usage-sign", "--sensitive");

    /// <summary>Makes a P-256 key in another token.</summary>
    public void MakeKeyIn(string token, string pin, string label, string id) => Run("pkcs11-tool", "--module", Module, "--token-label", token, "--login", "--pin", pin,
        "--keypairgen", "--key-type", "EC:prime256v1", "--label", label, "--id", id, "--usage-sign");

    public void DeletePublicKey(string label) => Tool("--delete-object", "--type", "pubkey", "--label", label);

    public void DeletePrivateKey(string label) => Tool("--delete-object", "--type", "privkey", "--label", label);

    public string ListObjects() => Tool("--list-objects");

    /// <summary>Signs a digest with pkcs11-tool (OpenSC); r and s side by side.</summary>
    /// <param name="id">CKA_ID in hexadecimal: the tool does not look at the label here.</param>
    public byte[] SignWithTool(string id, byte[] digest)
    {
        File.WriteAllBytes(_folder["digest"], digest);
        Tool("--sign", "--mechanism", "ECDSA", "--id", id, "--input-file", _folder["digest"], "--output-file", _folder["signature"]);
        return File.ReadAllBytes(_folder["signature"]);
    }

    /// <summary>What p11tool (GnuTLS) sees.</summary>
    public string ListWithP11tool() => Run("p11tool", "--provider", Module, "--login", "--set-pin", Pin, "--list-all", $"pkcs11:token={Label}");

    /// <summary>p11tool signs something, and verifies it with the public key.</summary>
    public string TestSignWithP11tool(string label) =>
        Run("p11tool", "--provider", Module, "--login", "--set-pin", Pin, "--test-sign", $"pkcs11:token={Label};object={label};type=private");

    public string Tool(params string[] arguments) =>
        Run("pkcs11-tool", ["--module", Module, "--token-label", Label, "--login", "--pin", Pin, .. arguments]);

    /// <summary>Takes the token away, as if its device had been unplugged, until the result is disposed of.</summary>
    public IDisposable Unplug()
    {
        Directory.Move(_folder["tokens"], _folder["unplugged"]);
        Directory.CreateDirectory(_folder["tokens"]);
        return new Plug(_folder);
    }

    public void Dispose() => _folder.Dispose();

    private string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment["SOFTHSM2_CONF"] = Configuration;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program}: {output}{errors.Result}");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    private sealed class Plug(TemporaryFolder folder) : IDisposable
    {
        public void Dispose()
        {
            Directory.Delete(folder["tokens"], recursive: true);
            Directory.Move(folder["unplugged"], folder["tokens"]);
        }
    }
}
