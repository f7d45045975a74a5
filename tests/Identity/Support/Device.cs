using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Dps;
using EstProv.Identity.Provisioning;
using EstProv.LocalApi;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Support;

/// <summary>A device's Identity Service without its socket: real TLS to a DPS on loopback, a clock that jumps, a state folder of its own.</summary>
internal sealed class Device : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly bool _ownFolder;
    private Task? _running;

    public Device(X509Certificate2 dpsCa, Uri dps, string? folder = null, MemoryCertd? certd = null, string scope = "0neTEST", string? registrationId = null)
    {
        _ownFolder = folder is null;
        Folder = folder ?? Directory.CreateTempSubdirectory("estprov-identity-").FullName;
        Certd = certd ?? new MemoryCertd();
        if (certd is null) Certd.Others["dps-ca"] = [dpsCa];
        Settings = new DpsProvisioning
        {
            ScopeId = scope,
            GlobalEndpoint = new Positioned<Uri>(dps, new Position("identityd.toml", 3, 1)),
            TrustedCerts = new Positioned<IReadOnlyList<string>>(["dps-ca"], new Position("identityd.toml", 4, 1)),
            RegistrationId = registrationId,
            IdentityCert = "device-id",
            IdentityPk = "device-id",
        };
        Time = new JumpTime(DateTimeOffset.UtcNow);
        Clock = new BelievedClock(Time, Time.GetUtcNow().AddDays(-7));
        Feed = new ChangeFeed(Time);
        Store = new ProvisionedStore(Folder);
        var registrar = new DpsRegistrar(Settings, Certd, Open, Clock, NullLogger.Instance);
        Loop = new ProvisioningLoop(Settings, Certd, registrar.RegisterAsync, (_, spki) => Certd.FindKey(spki), Store, Status,
            new ProvisioningEvents(NullLogger.Instance, Feed), Clock);
    }

    public string Folder { get; }

    public MemoryCertd Certd { get; }

    public DpsProvisioning Settings { get; }

    public JumpTime Time { get; }

    public BelievedClock Clock { get; set; }

    public ProvisionedStore Store { get; }

    public ProvisioningStatus Status { get; } = new();

    public ProvisioningLoop Loop { get; }

    public ChangeFeed Feed { get; }

    public Device Start()
    {
        Loop.Restore();
        _running = Task.Run(() => Loop.RunAsync(_stop.Token));
        return this;
    }

    public ProvisioningSnapshot Until(Func<ProvisioningSnapshot, bool> reached)
    {
        var now = Status.WaitUntil(reached, TimeSpan.FromSeconds(20), CancellationToken.None);
        Assert.That(reached(now), Is.True, $"still {now.Phase}: {now.WaitingFor}; {now.Problem?.ToLogText()}");
        return now;
    }

    public ProvisioningSnapshot UntilSettled() => Until(static now => now.Phase is ProvisioningPhase.Settled && now.Provisioned is not null);

    public ProvisioningSnapshot UntilProblem(string code) => Until(now => now.Problem?.Code == code);

    public void Stop()
    {
        _stop.Cancel();
        _running?.GetAwaiter().GetResult();
        _running = null;
    }

    public void Dispose()
    {
        Time.Release();
        Stop();
        if (_ownFolder) Directory.Delete(Folder, recursive: true);
    }

    private OpenedIdentity Open(DeviceCredential credential) => new(SslStreamCertificateContext.Create(Certd.WithKey(credential.KeyHandle), null, offline: true), null);
}
