using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates;
using EstProv.Certificates.Client;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Support;

/// <summary>The Certificates Service itself, which issues one certificate by itself with a key of <see cref="RunningKeyd"/>'s.</summary>
internal sealed class RunningCertd : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ShiftedTime _time = new();
    private readonly Task _running;

    /// <param name="folder">Where keyd's socket is.</param>
    public RunningCertd(string folder, string certificateId)
    {
        var config = Path.Combine(folder, "certd.toml");
        File.WriteAllText(config, $"""
            homedir_path = "{Path.Combine(folder, "certd")}"

            [cert_issuance]
            {certificateId} = "self_signed"

            """);
        var context = new DaemonContext
        {
            ConfigFile = config,
            ConfigDir = config + ".d",
            RuntimeDir = folder,
            Loggers = NullLoggerFactory.Instance,
            Time = _time,
            BuildTime = DateTimeOffset.UtcNow.AddDays(-7),
            Stopping = _stopping.Token,
        };
        _running = Task.Factory.StartNew(() => CertificateDaemon.Run(context), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        SpinWait.SpinUntil(() => _running.IsCompleted || File.Exists(context.CertdSocket), TimeSpan.FromSeconds(20));
        Http = new LocalClient(context.CertdSocket, "estprov-certd", "Certificates Service", TimeSpan.FromSeconds(10));
        Client = new CertificateClient(Http);
    }

    public LocalClient Http { get; }

    public CertificateClient Client { get; }

    public X509Certificate2 InUse(string certificateId) => Client.GetAsync(certificateId, default).GetAwaiter().GetResult()[0];

    /// <summary>As <c>estprov renew ID</c> does.</summary>
    public void Renew(string certificateId)
    {
        // Two renewals lie a minute apart at least.
        _time.Advance(TimeSpan.FromMinutes(2));
        Http.Send("POST", $"/credentials/{certificateId}/renew?api-version=2020-09-01", JsonFields.Write(json =>
        {
            json.WriteBoolean("now", true);
            json.WriteNumber("waitSeconds", 20);
        }), "application/json", timeout: TimeSpan.FromSeconds(30));
    }

    public void Dispose()
    {
        Http.Dispose();
        _stopping.Cancel();
        _running.GetAwaiter().GetResult();
        _stopping.Dispose();
    }

    /// <summary>The machine's time, and what the test adds to it; timers are the machine's.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        private long _ticks;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;

        public override long GetTimestamp() => base.GetTimestamp() + (long)(Shift.TotalSeconds * TimestampFrequency);

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

        private TimeSpan Shift => TimeSpan.FromTicks(Interlocked.Read(ref _ticks));
    }
}
