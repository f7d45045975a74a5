using System.Diagnostics;
using System.Text.Json.Nodes;

namespace EstProv.AzureSdk.Tests;

/// <summary>Azure's device SDK in a process of Node's (sdk/driver.js), told what to do line by line.</summary>
internal sealed class NodeDriver : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private readonly Process _process;

    private NodeDriver(Process process) => _process = process;

    /// <summary>Null = it runs; else what is missing, and what to do about it.</summary>
    public static string? Start(string modules, string serverCa, int port, out NodeDriver? driver)
    {
        driver = null;
        if (!Directory.Exists(Path.Combine(modules, "azure-iot-device")))
        {
            return $"Azure's device SDK is not in {modules}: ./build.sh test AzureSdk installs it from npm";
        }

        var start = new ProcessStartInfo("node", [Path.Combine(AppContext.BaseDirectory, "sdk", "driver.js")])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment =
            {
                ["NODE_PATH"] = modules,
                ["NODE_EXTRA_CA_CERTS"] = serverCa,
                ["ESTPROV_SIMULATOR_PORT"] = port.ToString(System.Globalization.CultureInfo.InvariantCulture),
            },
        };
        try
        {
            driver = new NodeDriver(Process.Start(start)!);
            return null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "there is no node on the PATH: install Node 18 or later";
        }
    }

    /// <summary>The driver's answer: <c>{"result"}</c> or <c>{"error"}</c>.</summary>
    public async Task<JsonNode> AskAsync(JsonObject order)
    {
        using var limit = new CancellationTokenSource(Limit);
        await _process.StandardInput.WriteLineAsync(order.ToJsonString().AsMemory(), limit.Token);
        await _process.StandardInput.FlushAsync(limit.Token);
        var line = await _process.StandardOutput.ReadLineAsync(limit.Token)
            ?? throw new InvalidOperationException("the driver has ended; what it said is above");
        return JsonNode.Parse(line)!;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
