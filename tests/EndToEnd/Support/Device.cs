
namespace EstProv.EndToEnd.Tests.Support;

/// <summary>
/// A device under test: a token, three configuration files, and the three published daemons as processes of their own, against a simulator
/// with real TLS on loopback.
/// </summary>
internal sealed class Device : IDisposable
{
    private static readonly string[] s_daemons = ["keyd", "certd", "identityd"];
    private readonly Dictionary<string, ObservedProcess> _processes = [];
    private readonly Dictionary<string, string> _environment;

    /// <param name="name">Common name of the bootstrap certificate, and so the registration id.</param>
    /// <param name="keyType">As pkcs11-tool takes it, such as <c>EC:prime256v1</c>.</param>
    public Device(SimulatorFixture simulator, string name, string keyType = "EC:prime256v1")
    {
        Simulator = simulator;
        Name = name;
        Folder = Directory.CreateTempSubdirectory("estprov-e2e-").FullName;
        Directory.CreateDirectory(RuntimeDir);
        Token = new Token(Folder, keyType);
        _environment = new Dictionary<string, string>(Token.Environment) { ["OPENSSL_MODULES"] = Stage.ProviderFolder };
        Token.WriteRequest(name, At("bootstrap.csr"));
        simulator.SignBootstrap(At("bootstrap.csr"), At("bootstrap.cer"));
        File.Copy(simulator.EstCa, At("est-ca.cer"));
        File.Copy(simulator.DpsCa, At("dps-ca.cer"));
        WriteConfiguration();
    }

    public SimulatorFixture Simulator { get; }

    public string Name { get; }

    public string Folder { get; }

    public Token Token { get; }

    public string RuntimeDir => At("run");

    /// <summary>Added to the daemons' environment, such as a faked clock.</summary>
    public IDictionary<string, string> Environment => _environment;

    /// <summary>
    /// Words before the command line of a daemon, or of the operator's command (<c>estprov</c>), such as those of unshare(1).
    /// </summary>
    public Func<string, string[]> Before { get; set; } = static _ => [];

    public string At(string file) => Path.Combine(Folder, file);

    public ObservedProcess this[string daemon] => _processes[daemon];

    /// <summary>The documented files with this device's paths, slot, scope and URLs.</summary>
    public void WriteConfiguration()
    {
        SetPin(Token.Pin);
        File.WriteAllText(At("keyd.toml"), $"""
            homedir_path = "{At("keyd")}"

            [pkcs11]
            "lib_path" = "{Token.Module}"
            "base_slot" = "pkcs11:slot-id={Token.Slot}?pin-source=file:{At("pin")}"

            [preloaded_keys]
            "bootstrap" = "pkcs11:slot-id={Token.Slot};object=device%20id?pin-source=file:{At("pin")}"

            """);
        File.WriteAllText(At("certd.toml"), $"""
            "homedir_path" = "{At("certd")}"

            [cert_issuance]
            device-ca = "est"
            device-id = "est"
            module-id = "est"
            module-server = "est"

            [cert_issuance.est]
            "method" = "x509"
            "identity_cert" = "est-id"
            "identity_pk" = "est-id"
            "bootstrap_identity_cert" = "bootstrap"
            "bootstrap_identity_pk" = "bootstrap"

            [cert_issuance.est.urls]
            default = "{Simulator.EstUrl("")}/simpleenroll"
            "est-id" = "{Simulator.EstUrl("est-id")}/simpleenroll"
            "device-id" = "{Simulator.EstUrl("device-id")}/simpleenroll"
            "device-ca" = "{Simulator.EstUrl("device-ca")}/simpleenroll"

            [preloaded_certs]
            "bootstrap" = "{At("bootstrap.cer")}"
            "est-ca" = "{At("est-ca.cer")}"
            "dps-ca" = "{At("dps-ca.cer")}"
            "trust-bundle" = [
                "est-ca",
            ]

            """);
        File.WriteAllText(At("identityd.toml"), $"""
            homedir_path = "{At("identityd")}"

            [provisioning]
            "source" = "dps"
            "scope_id" = "{Simulator.ScopeId}"
            global_endpoint = "{Simulator.DpsUrl}"
            trusted_certs = ["dps-ca"]

            [provisioning.attestation]
            "method" = "x509"
            "identity_cert" = "device-id"
            "identity_pk" = "device-id"

            """);
        foreach (var daemon in s_daemons) Directory.CreateDirectory(At(daemon));
    }

    /// <summary>Who runs the tests, and the daemons.</summary>
    public static string UserId { get; } =
        File.ReadLines("/proc/self/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2];

    /// <summary>Another <c>[provisioning]</c> than the documented one, and nothing else.</summary>
    public void WriteProvisioning(string settings)
    {
        File.WriteAllText(At("identityd.toml"), $"""
            homedir_path = "{At("identityd")}"
            [provisioning]
            {settings}

            """);
        AppendManager();
    }

    /// <summary>The tests' user manages identities, as a module runtime's does.</summary>
    public void AppendManager() => File.AppendAllText(At("identityd.toml"), $"""
        [[principal]]
        uid = {UserId}
        name = "runtime"

        """);

    /// <summary>What keyd shows to the token.</summary>
    public void SetPin(string pin) => File.WriteAllText(At("pin"), pin + "\n");

    /// <summary>Replaces a text of a configuration file, which has to be there.</summary>
    public void Edit(string daemon, string old, string replacement)
    {
        var file = At(daemon + ".toml");
        var text = File.ReadAllText(file);
        Assert.That(text, Does.Contain(old), $"{file} has no such text to replace");
        File.WriteAllText(file, text.Replace(old, replacement, StringComparison.Ordinal));
    }

    /// <summary>The keys that certd has generated are of this kind.</summary>
    public void UseKeyAlgorithm(string algorithm)
    {
        if (algorithm == "ec-p256") return;
        var text = File.ReadAllText(At("certd.toml"));
        foreach (var id in new[] { "device-ca", "device-id" })
        {
            foreach (var method in new[] { "est", "device-ca" })
            {
                text = text.Replace($"\n{id} = \"{method}\"", $"\n{id} = {{ method = \"{method}\", key_algorithm = \"{algorithm}\" }}", StringComparison.Ordinal);
            }
        }

        File.WriteAllText(At("certd.toml"), text.Replace("[cert_issuance]\n", $"[cert_issuance]\nest-id = {{ method = \"est\", key_algorithm = \"{algorithm}\" }}\n", StringComparison.Ordinal));
    }

    /// <summary>Until the daemon answers on its socket, whatever the answer.</summary>
    public void WaitForSocket(string daemon) => this[daemon].WaitForLine("erving on", TimeSpan.FromSeconds(20));

    /// <summary>What certd serves under an id, PEM.</summary>
    public string CertificatesOf(string id)
    {
        var (code, output) = Command("cert", "show", id);
        Assert.That(code, Is.Zero, output);
        return output;
    }

    public void StartAll()
    {
        foreach (var daemon in s_daemons) Start(daemon);
    }

    public ObservedProcess Start(string daemon)
    {
        if (_processes.Remove(daemon, out var old)) old.Dispose();
        var process = Run(daemon, Stage.Daemon(daemon), ["--config", At(daemon + ".toml"), "--runtime-dir", RuntimeDir]);
        _processes[daemon] = process;
        return process;
    }

    /// <summary>
    /// Starts a daemon in a mount namespace of its own, in which nothing can be written but its state folder, the sockets' folder, and for
    /// keyd the token's files, which are the token's business. It ends at once with 99 where something else can.
    /// </summary>
    public ObservedProcess StartOnReadOnlyRoot(string daemon)
    {
        const string Script = """
            probe=$1; shift
            writable=; while [ "$1" != -- ]; do mount --bind "$1" "$1"; writable="$writable $1 "; shift; done; shift
            while read -r _ _ _ _ point _; do
                case "$point" in /proc* | /sys*) continue ;; esac
                case "$writable" in *" $point "*) ;; *) mount -o remount,bind,ro "$point" ;; esac
            done < /proc/self/mountinfo
            for place in "$probe" /tmp /dev/shm /var/tmp; do ! touch "$place/probe" 2> /dev/null || exit 99; done
            exec "$@"
            """;
        if (_processes.Remove(daemon, out var old)) old.Dispose();
        var writable = daemon == "keyd" ? new[] { At(daemon), RuntimeDir, At("token") } : [At(daemon), RuntimeDir];
        var process = new ObservedProcess("unshare",
            [
                "--mount", "--propagation", "private", "sh", "-ec", Script, "sh", Folder, .. writable, "--",
                Stage.Daemon(daemon), "--config", At(daemon + ".toml"), "--runtime-dir", RuntimeDir,
            ], _environment);
        _processes[daemon] = process;
        return process;
    }

    /// <summary>Starts the daemons, one of them under strace, which kills it as it enters the nth call of a kind.</summary>
    public void StartAllWithFault(string victim, string calls, int nth)
    {
        foreach (var daemon in s_daemons.Where(d => d != victim)) Start(daemon);
        var set = calls;
        _processes[victim] = new ObservedProcess("strace",
            [
                "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + set, "-e", $"inject={set}:signal=KILL:when={nth}",
                Stage.Daemon(victim), "--config", At(victim + ".toml"), "--runtime-dir", RuntimeDir,
            ], _environment);
    }

    /// <summary>As systemd would; a daemon that never came to the fault is restarted all the same after a while.</summary>
    public void RestartWhenDead(string daemon, TimeSpan patience)
    {
        _processes[daemon].TryWaitForExit(patience);
        Start(daemon);
    }

    /// <summary>Runs <c>--check</c> and gives its exit code and output.</summary>
    public (int ExitCode, string Output) Check(string daemon)
    {
        using var process = new ObservedProcess(Stage.Daemon(daemon), ["--config", At(daemon + ".toml"), "--runtime-dir", RuntimeDir, "--check"], _environment);
        var code = process.WaitForExit(TimeSpan.FromSeconds(20));
        return (code, process.Output);
    }

    /// <summary>The operator's command against this device.</summary>
    public (int ExitCode, string Output) Command(params string[] arguments) => CommandWithoutDaemons([.. arguments, "--runtime-dir", RuntimeDir]);

    /// <summary>One that asks no daemon.</summary>
    public (int ExitCode, string Output) CommandWithoutDaemons(params string[] arguments)
    {
        using var process = Run("estprov", Stage.Command, arguments);
        var code = process.WaitForExit(TimeSpan.FromSeconds(90));
        return (code, process.Output);
    }

    /// <summary>Waits, with no restart of anything, until the device is provisioned.</summary>
    public void WaitUntilProvisioned(int seconds = 60)
    {
        var (code, output) = Command("provision", "--wait", "--timeout", Patience.Of(seconds).ToString());
        Assert.That(code, Is.Zero, () => $"not provisioned:\n{output}\n{Logs()}");
        Assert.That(output, Does.Contain(Name));
    }

    public string Status()
    {
        var (code, output) = Command("status", "--json");
        Assert.That(code, Is.Zero, output);
        return output;
    }

    private ObservedProcess Run(string name, string program, string[] arguments)
    {
        string[] line = [.. Before(name), program, .. arguments];
        return new ObservedProcess(line[0], line[1..], _environment);
    }

    public string Logs() => string.Join('\n', _processes.Select(entry => $"--- {entry.Key}\n{entry.Value.Output}"));

    public void Dispose()
    {
        foreach (var process in _processes.Values) process.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
