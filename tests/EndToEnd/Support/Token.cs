namespace EstProv.EndToEnd.Tests.Support;

/// <summary>A SoftHSM2 token with a bootstrap key in it, made with the tools that an operator uses.</summary>
internal sealed class Token
{
    public const string Module = "/usr/lib/softhsm/libsofthsm2.so";
    public const string Pin = "1234";
    public const string KeyLabel = "device id";

    public Token(string folder, string keyType)
    {
        Folder = folder;
        Directory.CreateDirectory(Path.Combine(folder, "token"));
        var configuration = Path.Combine(folder, "softhsm2.conf");
        File.WriteAllText(configuration, $"directories.tokendir = {folder}/token\nobjectstore.backend = file\nlog.level = ERROR\n");
        Environment = new Dictionary<string, string> { ["SOFTHSM2_CONF"] = configuration };
        Initialize();
        Slot = FindSlot();
        Tool.Run("pkcs11-tool", ["--module", Module, "--slot", Slot, "--login", "--pin", Pin, "--keypairgen", "--key-type", keyType, "--label", KeyLabel, "--id", "01"], Environment);
    }

    public string Folder { get; }

    public string Slot { get; }

    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Makes a token with nothing in it.</summary>
    public void Initialize() =>
        Tool.Run("softhsm2-util", ["--init-token", "--free", "--label", "device", "--pin", Pin, "--so-pin", "123456"], Environment);

    /// <summary>The CSR that the operator sends to his CA, PEM.</summary>
    public void WriteRequest(string commonName, string file)
    {
        var template = file + ".template";
        File.WriteAllText(template, $"cn = \"{commonName}\"\n");
        const string Key = "pkcs11:token=device;object=device%20id";
        var environment = new Dictionary<string, string>(Environment) { ["GNUTLS_PIN"] = Pin };
        File.WriteAllText(file, Tool.Run("certtool",
            ["--provider", Module, "--generate-request", "--template", template, "--load-privkey", Key + ";type=private", "--load-pubkey", Key + ";type=public", "--no-text"],
            environment));
    }

    /// <summary>Gives a key pair another label, as an operator's tool would.</summary>
    public void Rename(string label, string newLabel)
    {
        var environment = new Dictionary<string, string>(Environment) { ["GNUTLS_PIN"] = Pin };
        foreach (var type in new[] { "private", "public" })
        {
            Tool.Run("p11tool", ["--provider", Module, "--login", "--set-label", newLabel, $"pkcs11:token=device;object={Uri.EscapeDataString(label)};type={type}"], environment);
        }
    }

    /// <summary>An RSA key pair whose private key may decrypt, and not sign (CKA_SIGN is false).</summary>
    public void MakeDecryptionKey(string label) =>
        Tool.Run("p11tool", ["--provider", Module, "--login", "--generate-privkey", "rsa", "--bits", "2048", "--label", label, "--id", "03", "--mark-decrypt", "--outfile", "/dev/null", "pkcs11:token=device"],
            new Dictionary<string, string>(Environment) { ["GNUTLS_PIN"] = Pin });

    /// <summary>How many private keys the token holds.</summary>
    public int CountPrivateKeys() =>
        Tool.Run("pkcs11-tool", ["--module", Module, "--slot", Slot, "--login", "--pin", Pin, "--list-objects", "--type", "privkey"], Environment)
            .Split('\n').Count(line => line.StartsWith("Private Key Object", StringComparison.Ordinal));

    private string FindSlot()
    {
        var slot = "";
        foreach (var line in Tool.Run("softhsm2-util", ["--show-slots"], Environment).Split('\n'))
        {
            if (line.StartsWith("Slot ", StringComparison.Ordinal)) slot = line[5..].Trim();
            if (line.Trim() is var text && text.StartsWith("Label:", StringComparison.Ordinal) && text.EndsWith(" device", StringComparison.Ordinal)) return slot;
        }

        throw new InvalidOperationException("the token just made is not there");
    }
}
