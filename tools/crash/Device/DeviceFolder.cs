using EstProv.Simulator;
using EstProv.Simulator.Est;
using EstProv.Simulator.Pki;

namespace EstProv.Crash.Device;

/// <summary>
/// The files of one device: configuration, the daemons' states, a SoftHSM2 token with the operator's bootstrap key, and keys of somebody
/// else's in it, of which two
/// have the labels that our own keys have.
/// </summary>
internal sealed class DeviceFolder
{
    public const string Name = "crash-device", Module = "/usr/lib/softhsm/libsofthsm2.so", Pin = "1234";

    /// <summary>Nobody: its identity is asked for by the module runtime alone.</summary>
    private const uint HostModuleUser = 65534;

    private static readonly string[] s_parts = [.. Daemons.Names, "token"];
    private static readonly (string Label, string Id)[] s_foreign =
        [("device id", "01"), ("somebody", "02"), ("est-id", "03"), ("device-id", "04")];

    private long _tokenFileLength;
    private string _provisioning = "";

    public DeviceFolder(string folder)
    {
        Root = folder;
        Directory.CreateDirectory(folder);
        Environment = new Dictionary<string, string> { ["SOFTHSM2_CONF"] = At("softhsm2.conf"), ["GNUTLS_PIN"] = Pin };
    }

    public string Root { get; }

    /// <summary>CKA_IDs, hex, of the keys that are not ours.</summary>
    public static IEnumerable<string> ForeignIds => s_foreign.Select(f => f.Id);

    public IReadOnlyDictionary<string, string> Environment { get; }

    public string Slot { get; private set; } = "";

    public string At(string name) => Path.Combine(Root, name);

    /// <summary>A daemon's own folder, which it makes itself: whether that is durable is its business as well.</summary>
    public string StateOf(string daemon) => Path.Combine(At(daemon), "state");

    /// <summary>A blank device as its operator leaves it.</summary>
    public void SetUp(SimulatorHost simulator, string scopeId, bool localMint)
    {
        foreach (var part in (ReadOnlySpan<string>)[.. s_parts, "run"]) Directory.CreateDirectory(At(part));
        Directory.CreateDirectory(At("log"));
        File.WriteAllText(At("softhsm2.conf"), $"directories.tokendir = {At("token")}\nobjectstore.backend = file\nlog.level = ERROR\n");
        Tool.Run("softhsm2-util", ["--init-token", "--free", "--label", "device", "--pin", Pin, "--so-pin", "123456"], Environment);
        Slot = FindSlot();
        foreach (var (label, id) in s_foreign)
        {
            Tool.Run("pkcs11-tool",
                ["--module", Module, "--slot", Slot, "--login", "--pin", Pin, "--keypairgen", "--key-type", "EC:prime256v1",
                    "--label", label, "--id", id], Environment);
        }

        _tokenFileLength = TokenFileLength();
        SignBootstrap(simulator);
        File.Copy(Path.Combine(simulator.Pki.Data, "est-ca.cer"), At("est-ca.cer"));
        File.Copy(Path.Combine(simulator.Pki.Data, "dps-ca.cer"), At("dps-ca.cer"));
        Configure(simulator.Ports, scopeId, localMint);
    }

    /// <summary>Whether the token's own file (its label, PINs and flags; the length never changes) is as long as it was made.</summary>
    public bool IsTokenWhole => TokenFileLength() == _tokenFileLength;

    /// <summary>Keeps the states and the token as they are now.</summary>
    public void Save(string snapshot)
    {
        foreach (var part in s_parts) Folders.Replace(At(part), Path.Combine(snapshot, part));
    }

    /// <summary>As after the power was gone: the sockets' folder, a tmpfs, is empty.</summary>
    public void Restore(string snapshot)
    {
        Folders.Remove(At("run"));
        Directory.CreateDirectory(At("run"));
        foreach (var part in s_parts) Folders.Replace(Path.Combine(snapshot, part), At(part));
    }

    /// <summary>The operator's drop-in with one host-level module; null for none.</summary>
    public void SetHostModule(string? name)
    {
        Directory.CreateDirectory(At("identityd.d"));
        var file = Path.Combine(At("identityd.d"), "10-module.toml");
        if (name is null)
        {
            File.Delete(file);
            return;
        }

        // As operators replace a file that is being read.
        File.WriteAllText(file + ".new", $"[[principal]]\nuid = {HostModuleUser}\nname = \"{name}\"\nidtype = [\"module\"]\n");
        File.Move(file + ".new", file, overwrite: true);
    }

    /// <summary>By DPS, or by its certificate alone.</summary>
    public void SetSource(bool hasCloud) => File.WriteAllText(At("identityd.toml"), $"""
        homedir_path = "{StateOf("identityd")}"
        {(hasCloud ? _provisioning : "[provisioning]\nsource = \"none\"")}
        [[principal]]
        uid = {Daemons.UserId}
        name = "crash"

        """);

    private void SignBootstrap(SimulatorHost simulator)
    {
        const string Key = "pkcs11:token=device;object=device%20id";
        File.WriteAllText(At("template"), $"cn = \"{Name}\"\n");
        File.WriteAllText(At("bootstrap.csr"), Tool.Run("certtool",
            ["--provider", Module, "--generate-request", "--template", At("template"),
                "--load-privkey", Key + ";type=private", "--load-pubkey", Key + ";type=public", "--no-text"],
            Environment));
        var request = SigningRequest.FromFile(At("bootstrap.csr"));
        var order = new IssueOrder
        {
            Request = request,
            Issuer = simulator.Pki.Bootstrap,
            Profile = EstProfile.Client,
            Validity = TimeSpan.FromDays(3000),
            Label = "bootstrap",
            Operation = "operator",
        };
        using var issued = simulator.Issuer.Issue(order, simulator.Clock.Now);
        File.WriteAllText(At("bootstrap.cer"), issued.ExportCertificatePem() + "\n");
    }

    private void Configure(SimulatorPorts ports, string scopeId, bool localMint)
    {
        var est = $"https://localhost:{ports.Est}/.well-known/est";
        File.WriteAllText(At("keyd.toml"), $"""
            homedir_path = "{StateOf("keyd")}"
            [pkcs11]
            lib_path = "{Module}"
            base_slot = "pkcs11:slot-id={Slot}?pin-value={Pin}"
            [preloaded_keys]
            bootstrap = "pkcs11:slot-id={Slot};object=device%20id?pin-value={Pin}"
            [[principal]]
            uid = {Daemons.UserId}
            keys = ["aziot_identityd_master_id/*"]
            rights = ["use"]

            """);
        File.WriteAllText(At("certd.toml"), $"""
            homedir_path = "{StateOf("certd")}"
            [cert_issuance]
            device-ca = "est"
            device-id = "{(localMint ? "device-ca" : "est")}"
            [cert_issuance.est]
            method = "x509"
            identity_cert = "est-id"
            identity_pk = "est-id"
            bootstrap_identity_cert = "bootstrap"
            bootstrap_identity_pk = "bootstrap"
            [cert_issuance.est.urls]
            default = "{est}/simpleenroll"
            est-id = "{est}/est-id/simpleenroll"
            device-id = "{est}/device-id/simpleenroll"
            device-ca = "{est}/device-ca/simpleenroll"
            [preloaded_certs]
            bootstrap = "{At("bootstrap.cer")}"
            est-ca = "{At("est-ca.cer")}"
            dps-ca = "{At("dps-ca.cer")}"
            trust-bundle = ["est-ca"]

            """);
        _provisioning = $"""
            [provisioning]
            source = "dps"
            scope_id = "{scopeId}"
            global_endpoint = "https://localhost:{ports.Dps}"
            trusted_certs = ["dps-ca"]
            [provisioning.attestation]
            method = "x509"
            identity_cert = "device-id"
            identity_pk = "device-id"
            """;
        SetSource(hasCloud: true);
    }

    private string FindSlot()
    {
        var slot = "";
        foreach (var line in Tool.Run("softhsm2-util", ["--show-slots"], Environment).Split('\n'))
        {
            if (line.StartsWith("Slot ", StringComparison.Ordinal)) slot = line[5..].Trim();
            var text = line.Trim();
            if (text.StartsWith("Label:", StringComparison.Ordinal) && text.EndsWith(" device", StringComparison.Ordinal)) return slot;
        }

        throw new HarnessException("the token just made is not there");
    }

    private long TokenFileLength() => Directory.GetFiles(At("token"), "token.object", SearchOption.AllDirectories).Sum(static file => new FileInfo(file).Length);
}
