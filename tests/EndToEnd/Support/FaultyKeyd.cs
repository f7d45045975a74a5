using EstProv.Keys.Client;
using EstProv.Keys.Tests;
using EstProv.LocalApi.Client;

namespace EstProv.EndToEnd.Tests.Support;

/// <summary>The published Key Service on a SoftHSM2 token behind the module of <c>faulty-module.c</c>.</summary>
internal sealed class FaultyKeyd : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("estprov-faulty-").FullName;
    private readonly Token _token;

    /// <param name="inFile">The configuration names a file with the PIN.</param>
    /// <param name="isRight">It is the token's, too.</param>
    public FaultyKeyd(string pin = Token.Pin, bool inFile = false, bool isRight = false)
    {
        _token = new Token(_folder, "EC:prime256v1");
        if (isRight) Tool.Run("pkcs11-tool", ["--module", Token.Module, "--slot", _token.Slot, "--login", "--pin", Token.Pin, "--change-pin", "--new-pin", pin], _token.Environment);
        Directory.CreateDirectory(RuntimeDir);
        Pin = pin;
        File.WriteAllText(At("pin"), pin);
        File.WriteAllText(At("keyd.toml"), $"""
            homedir_path = "{At("keyd")}"

            [pkcs11]
            lib_path = "{FaultyModule.Module}"
            base_slot = "pkcs11:token=device?{(inFile ? $"pin-source=file:{At("pin")}" : $"pin-value={pin}")}"
            """);
        File.SetUnixFileMode(At("keyd.toml"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Http = new LocalClient(Socket, "estprov-keyd", "Key Service", TimeSpan.FromSeconds(10));
        Keys = new KeyClient(Http);
    }

    public FaultyModule Faults { get; } = new();

    public string Pin { get; }

    public string RuntimeDir => At("run");

    public string Socket => Path.Combine(RuntimeDir, "keyd.sock");

    public LocalClient Http { get; }

    public KeyClient Keys { get; }

    public ObservedProcess Process { get; private set; } = null!;

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>(_token.Environment) { ["ESTPROV_FAULTS"] = Faults.Folder };

    public string[] Arguments => ["--config", At("keyd.toml"), "--runtime-dir", RuntimeDir];

    public string At(string file) => Path.Combine(_folder, file);

    public void Start()
    {
        Process = new ObservedProcess(Stage.Daemon("keyd"), Arguments, Environment);
        Process.WaitForLine("serving on", TimeSpan.FromSeconds(20));
    }

    /// <summary>In a folder and with limits that let it leave a core dump.</summary>
    public void StartWithCoreDumps(string folder)
    {
        Process = new ObservedProcess("bash", ["-c", $"cd {folder} && ulimit -c unlimited && exec {Stage.Daemon("keyd")} {string.Join(' ', Arguments)}"], Environment);
        Process.WaitForLine("serving on", TimeSpan.FromSeconds(20));
    }

    /// <summary>As systemd does, with a socket that stays with the parent.</summary>
    public void StartOn(int listener)
    {
        var command = $"exec 3<&{listener}; LISTEN_PID=$$ LISTEN_FDS=1 exec {Stage.Daemon("keyd")} {string.Join(' ', Arguments)}";
        Process = new ObservedProcess("bash", ["-c", command], Environment);
        Process.WaitForLine("serving on", TimeSpan.FromSeconds(20));
    }

    public void Dispose()
    {
        Faults.Release();
        Process?.Dispose();
        Http.Dispose();
        Faults.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
