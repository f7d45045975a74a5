using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using EstProv.Simulator;
using EstProv.Simulator.Pki;

namespace EstProv.AzureSdk.Tests;

/// <summary>The simulator as others start it: a process, one TLS port for DPS and hub, and its control plane.</summary>
internal sealed class SimulatorProcess : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly Process _process;
    private readonly HttpClient _control;

    private SimulatorProcess(DirectoryInfo folder, Process process, JsonNode ports)
    {
        _folder = folder;
        _process = process;
        Port = (int)ports["dps"]!;
        _control = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{ports["control"]}/") };
        Pki = SimulatorPki.LoadOrCreate(folder.FullName, KeyKind.Ec, DateTimeOffset.UtcNow);
    }

    public const string Hub = "estprov-hub.azure-devices.net";
    public const string Gateway = "gateway.example";
    public const string Scope = "0ne00SIMULA";

    public int Port { get; }

    public SimulatorPki Pki { get; }

    /// <summary>What a client has to trust.</summary>
    public string ServerCa => Path.Combine(_folder.FullName, "dps-ca.cer");

    public static async Task<SimulatorProcess> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("estprov-azuresdk-");
        string[] arguments = ["--data", folder.FullName, "--port", "0", "--retry-after", "0", "--hub-host", Hub, "--gateway-host", Gateway];
        var process = new Process
        {
            StartInfo = new(Path.Combine(AppContext.BaseDirectory, "estprov-simulator"), arguments)
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
            },
        };
        var listening = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.OutputDataReceived += (_, line) =>
        {
            TestContext.Progress.WriteLine(line.Data);
            if (line.Data?.Contains("listening", StringComparison.Ordinal) == true)
            {
                listening.TrySetResult();
            }
        };
        process.Start();
        process.BeginOutputReadLine();
        await listening.Task.WaitAsync(TimeSpan.FromMinutes(1));
        var ports = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(folder.FullName, "ports.json")))!;
        return new SimulatorProcess(folder, process, ports);
    }

    public async Task<JsonNode?> PostAsync(string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await _control.PostAsync(path, content);
        answer.EnsureSuccessStatusCode();
        var text = await answer.Content.ReadAsStringAsync();
        return text.Length == 0 ? null : JsonNode.Parse(text);
    }

    public async Task<JsonNode> GetAsync(string path) => (await _control.GetFromJsonAsync<JsonNode>(path))!;

    public Task ClearFaultsAsync() => _control.DeleteAsync("faults");

    /// <summary>The statuses of a device's requests to a route, oldest first.</summary>
    public async Task<IReadOnlyList<int>> StatusesAsync(string route, string device)
    {
        var statuses = new List<int>();
        foreach (var request in (await GetAsync("requests"))["requests"]!.AsArray())
        {
            if ((string?)request!["route"] == route && (string?)request["label"] == device)
            {
                statuses.Add((int)request["status"]!);
            }
        }

        return statuses;
    }

    public async ValueTask DisposeAsync()
    {
        _control.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }
}
