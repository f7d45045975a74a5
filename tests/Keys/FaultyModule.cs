using System.Diagnostics;
using System.Runtime.InteropServices;
using EstProv.Contract.Tests.Stores;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests;

/// <summary>The module of <c>faulty-module.c</c>: SoftHSM2 with faults on demand. Built once for the test run.</summary>
internal sealed partial class FaultyModule : IDisposable
{
    private static readonly Lazy<string> Built = new(Build);

    private readonly TemporaryFolder _folder = new();

    public FaultyModule()
    {
        if (SetEnvironment("ESTPROV_FAULTS", _folder.Path, 1) != 0) throw new InvalidOperationException("setenv failed");
    }

    public static string Module => Built.Value;

    /// <summary>Calls of C_Login so far.</summary>
    public int Logins => Count("logins");

    /// <summary>Calls of C_Finalize so far.</summary>
    public int Finalized => Count("finalized");

    /// <summary>Lets the next calls of a function fail.</summary>
    public void Order(string function, CKR result, int count = 1) => File.WriteAllText(_folder["orders"], $"{function} {(ulong)result} {count,-10}");

    /// <summary>How many of the calls ordered have not come.</summary>
    public int Left => int.Parse(File.ReadAllText(_folder["orders"]).Trim().Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]);

    public void SetTokenFlags(ulong flags) => File.WriteAllText(_folder["flags"], flags.ToString());

    public void ClearTokenFlags() => File.Delete(_folder["flags"]);

    public void Dispose() => _folder.Dispose();

    private int Count(string name) => File.Exists(_folder[name]) ? (int)new FileInfo(_folder[name]).Length : 0;

    private static string Build()
    {
        var module = Path.Combine(AppContext.BaseDirectory, "faulty-module.so");
        var source = Path.Combine(AppContext.BaseDirectory, "faulty-module.c");
        using var compiler = Process.Start("cc", ["-Wall", "-shared", "-fPIC", "-o", module, source, "-ldl"]);
        compiler.WaitForExit();
        return compiler.ExitCode == 0 ? module : throw new InvalidOperationException("cc failed");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
