using System.Diagnostics;
using System.Runtime.InteropServices;
using EstProv.Contract.Tests.Stores;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests;

/// <summary>The module of <c>faulty-module.c</c>: SoftHSM2 with faults on demand. Built once for the test run.</summary>
internal sealed partial class FaultyModule : IDisposable
{
    private static readonly Lazy<string> Built = new(Build);

    private readonly TemporaryFolder _folder;

    /// <param name="inMemory">See <see cref="TemporaryFolder"/>.</param>
    public FaultyModule(bool inMemory = false)
    {
        _folder = new TemporaryFolder(inMemory);
        if (SetEnvironment("ESTPROV_FAULTS", _folder.Path, 1) != 0) throw new InvalidOperationException("setenv failed");
    }

    public static string Module => Built.Value;

    /// <summary>For ESTPROV_FAULTS of another process.</summary>
    public string Folder => _folder.Path;

    /// <summary>Calls of C_Login so far.</summary>
    public int Logins => Count("logins");

    /// <summary>Calls of C_Finalize so far.</summary>
    public int Finalized => Count("finalized");

    /// <summary>Calls of C_Initialize so far.</summary>
    public int Initialized => Count("initialized");

    /// <summary>Calls of C_Sign so far.</summary>
    public int Signed => Count("signed");

    /// <summary>How many of the calls ordered have not come.</summary>
    public int Left => Lines().Sum(static line => int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3]));

    /// <summary>Lets the next calls of a function fail.</summary>
    public void Order(string function, CKR result, int count = 1) => Order(function, "return", (ulong)result, count);

    /// <summary>Lets the next calls of a function do something else; <c>*</c> is every function of a session.</summary>
    /// <param name="action"><c>return</c>, <c>refuse</c>, <c>sleep</c>, <c>hang</c>, <c>crash</c>.</param>
    public void Order(string function, string action, ulong value = 0, int count = 1) =>
        Order((function, action, value, count));

    /// <summary>The same for several functions.</summary>
    public void Order(params (string Function, string Action, ulong Value, int Count)[] orders) =>
        Replace("orders", string.Concat(orders.Select(static order => $"{order.Function} {order.Action} {order.Value} {order.Count,-10}\n")));

    public void ClearOrders() => File.Delete(_folder["orders"]);

    /// <summary>Ends every call that hangs.</summary>
    public void Release() => File.WriteAllText(_folder["release"], "");

    /// <summary>What the token cannot do; see the C file for the names.</summary>
    public void Limit(params (string Name, ulong Value)[] limits) => Replace("limits", string.Concat(limits.Select(static limit => $"{limit.Name} {limit.Value}\n")));

    /// <summary>Takes the token away until <see cref="BringBack"/>.</summary>
    public void TakeAway() => File.WriteAllText(_folder["gone"], "");

    public void BringBack() => File.Delete(_folder["gone"]);

    public void SetTokenFlags(ulong flags) => File.WriteAllText(_folder["flags"], flags.ToString());

    public void ClearTokenFlags() => File.Delete(_folder["flags"]);

    public void Dispose()
    {
        Release();
        _folder.Dispose();
    }

    private string[] Lines() => File.Exists(_folder["orders"]) ? File.ReadAllLines(_folder["orders"]) : [];

    // Whole at once: the module reads it at every call.
    private void Replace(string name, string text)
    {
        File.WriteAllText(_folder[name + ".new"], text);
        File.Move(_folder[name + ".new"], _folder[name], overwrite: true);
    }

    private int Count(string name) => File.Exists(_folder[name]) ? (int)new FileInfo(_folder[name]).Length : 0;

    private static string Build()
    {
        var module = Path.Combine(AppContext.BaseDirectory, "faulty-module.so");
        var source = Path.Combine(AppContext.BaseDirectory, "faulty-module.c");
        using var compiler = Process.Start("cc", ["-Wall", "-O1", "-shared", "-fPIC", "-o", module, source, "-ldl", "-lpthread"]);
        compiler.WaitForExit();
        return compiler.ExitCode == 0 ? module : throw new InvalidOperationException("cc failed");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
