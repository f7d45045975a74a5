using EstProv.Keys;
using EstProv.Keys.Client;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Support;

/// <summary>The Key Service itself, with keys in files and the rights that it gives the other daemons without being told.</summary>
internal sealed class RunningKeyd : IDisposable
{
    private const string Version = "api-version=2021-05-01";

    private readonly CancellationTokenSource _stopping = new();
    private readonly LocalClient _client;
    private readonly Task _running;

    public RunningKeyd(string folder)
    {
        var config = Path.Combine(folder, "keyd.toml");
        File.WriteAllText(config, $"homedir_path = \"{Path.Combine(folder, "keyd")}\"\n");
        var context = new DaemonContext
        {
            ConfigFile = config,
            ConfigDir = config + ".d",
            RuntimeDir = folder,
            Loggers = NullLoggerFactory.Instance,
            Time = TimeProvider.System,
            BuildTime = DateTimeOffset.UtcNow.AddDays(-7),
            Stopping = _stopping.Token,
        };
        _running = Task.Factory.StartNew(() => KeyDaemon.Run(context), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        SpinWait.SpinUntil(() => _running.IsCompleted || File.Exists(context.KeydSocket), TimeSpan.FromSeconds(20));
        _client = new LocalClient(context.KeydSocket, "estprov-keyd", "Key Service", TimeSpan.FromSeconds(10));
        Keys = new SymmetricKeyClient(_client);
    }

    public SymmetricKeyClient Keys { get; }

    public void Import(string keyId, byte[] key) => _client.Send("POST", $"/key?{Version}", JsonFields.Write(json =>
    {
        json.WriteString("keyId", keyId);
        json.WriteBase64String("keyBytes", key);
        json.WriteString("usage", "derive,sign");
    }), "application/json");

    public void Delete(string keyId)
    {
        var handle = Keys.Load(keyId);
        _client.Send("DELETE", $"/key?{Version}", JsonFields.Write(json => json.WriteString("keyHandle", handle)), "application/json");
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _running.GetAwaiter().GetResult();
        _client.Dispose();
        _stopping.Dispose();
    }
}
