using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace EstProv.Contract.Tests.Stores;

/// <summary>
/// A TPM 2.0 in software (swtpm) with a token of libtpm2-pkcs11. Only one at a time: the module reads its place from the environment.
/// </summary>
internal sealed partial class Tpm : IDisposable
{
    public const string Module = "/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so";
    public const string Pin = "1234";
    public const string TokenUri = $"pkcs11:token=edge?pin-value={Pin}";

    private readonly TemporaryFolder _folder = new();
    private readonly int _tpmPort = FreePort();
    private readonly int _port;
    private readonly TpmResourceManager _manager;
    private Process? _process;

    public Tpm()
    {
        do _port = FreePort();
        while (Math.Abs(_port - _tpmPort) <= 1);
        _manager = new TpmResourceManager(_port, _tpmPort);
        Directory.CreateDirectory(_folder["state"]);
        Directory.CreateDirectory(_folder["store"]);
        // The module calls getenv, which does not see what .NET's own method sets.
        foreach (var (name, value) in Environment)
        {
            if (SetEnvironment(name, value, 1) != 0) throw new InvalidOperationException("setenv failed");
        }

        try
        {
            Initialise();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private void Initialise()
    {
        Start();
        // Every power cut counts as a wrong PIN (TPM 2.0 part 1, section 19.8.6), and after three of them a TPM would be locked.
        Run("tpm2_dictionarylockout", "--setup-parameters", "--max-tries=1000", "--recovery-time=1", "--lockout-recovery-time=1");
        Run("pkcs11-tool", "--module", Module, "--slot", "1", "--init-token", "--label", "edge", "--so-pin", "5678");
        Run("pkcs11-tool", "--module", Module, "--token-label", "edge", "--login", "--login-type", "so", "--so-pin", "5678", "--init-pin", "--pin", Pin);
    }

    /// <summary>For other processes.</summary>
    public Dictionary<string, string> Environment => new()
    {
        ["TPM2_PKCS11_STORE"] = _folder["store"],
        ["TPM2_PKCS11_TCTI"] = $"mssim:host=127.0.0.1,port={_port}",
        ["TPM2TOOLS_TCTI"] = $"mssim:host=127.0.0.1,port={_port}",
        ["TSS2_LOG"] = "all+none",
        ["TPM2_PKCS11_LOG_LEVEL"] = "0",
    };

    public void Start()
    {
        var start = new ProcessStartInfo("swtpm",
            ["socket", "--tpm2", "--tpmstate", $"dir={_folder["state"]}", "--server", $"type=tcp,port={_tpmPort}", "--flags", "not-need-init,startup-clear"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        for (var waited = Stopwatch.StartNew(); !Listens(_tpmPort);)
        {
            if (_process.HasExited || waited.Elapsed > TimeSpan.FromSeconds(20)) throw new InvalidOperationException("swtpm does not start");
            Thread.Yield();
        }
    }

    /// <summary>As a power cut, or a firmware fault, ends it.</summary>
    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        _manager.Dispose();
        if (_process is not null) Kill();
        _folder.Dispose();
    }

    private void Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var (name, value) in Environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program}: {output}{errors.Result}");
    }

    // Asked of the kernel: a connection would be taken for the TPM's one client.
    private static bool Listens(int port) =>
        File.ReadLines("/proc/net/tcp").Any(line => line.Contains($":{port:X4} 00000000:0000 0A", StringComparison.Ordinal));

    // The module takes the platform's port to be the next one. Below the range from which the kernel takes the ports of outgoing connections:
    // there a port that was just free may be taken a moment later.
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(10_000, 32_000);
            if (IsFree(port) && IsFree(port + 1)) return port;
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
