using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Dps;
using EstProv.Identity.Provisioning;
using EstProv.Keys.Client;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.Platform.Network;
using EstProv.Platform.Time;

namespace EstProv.Identity.Tests.Support;

/// <summary>A device's Identity Service without its socket: real TLS to a DPS on loopback, a clock that jumps, a state folder of its own.</summary>
internal sealed class Device : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly bool _ownFolder;
    private readonly LocalClient _keyd;
    private Task? _running;

    public Device(X509Certificate2 dpsCa, Uri dps, string? folder = null, MemoryCertd? certd = null, string scope = "0neTEST", string? registrationId = null)
        : this(dpsCa, Dps(dps) with { ScopeId = scope, RegistrationId = registrationId }, folder, certd)
    {
    }

    public Device(X509Certificate2 cloudCa, ProvisioningSettings settings, string? folder = null, MemoryCertd? certd = null,
        ProxyChoice? proxies = null)
    {
        _ownFolder = folder is null;
        Folder = folder ?? Directory.CreateTempSubdirectory("estprov-identity-").FullName;
        Certd = certd ?? new MemoryCertd();
        if (certd is null) Certd.Others["dps-ca"] = [cloudCa];
        Settings = settings is NoneProvisioning ? settings
            : settings with { TrustedCerts = new Positioned<IReadOnlyList<string>>(["dps-ca"], new Position("identityd.toml", 4, 1)) };
        Time = new JumpTime(DateTimeOffset.UtcNow);
        Clock = new BelievedClock(Time, Time.GetUtcNow().AddDays(-7));
        Feed = new ChangeFeed(Time);
        Store = new ProvisionedStore(Folder);
        _keyd = new LocalClient(Path.Combine(Folder, "keyd.sock"), "estprov-keyd", "Key Service", TimeSpan.FromSeconds(5));
        var source = ProvisioningSources.Create(Settings, Certd, Open, new SymmetricKeyClient(_keyd), proxies, Clock, Log);
        Loop = new ProvisioningLoop(source, Certd, (_, spki) => Certd.FindKey(spki), Store, Status, new ProvisioningEvents(Log, Feed),
            Clock);
    }

    public static CertificateAuthentication Certificate { get; } = new() { CertificateId = "device-id", KeyId = "device-id" };

    public static SymmetricKeyAuthentication Key { get; } = new() { KeyId = "device-id" };

    public static DpsProvisioning Dps(Uri dps) => new()
    {
        Position = new Position("identityd.toml", 1, 1),
        ScopeId = "0neTEST",
        GlobalEndpoint = new Positioned<Uri>(dps, new Position("identityd.toml", 3, 1)),
        Authentication = Certificate,
    };

    public static ManualProvisioning Manual(Uri hub) => new()
    {
        Position = new Position("identityd.toml", 1, 1),
        Hub = hub.Authority,
        DeviceId = "dev-1",
        Authentication = Certificate,
    };

    public static NoneProvisioning None() => new() { Position = new Position("identityd.toml", 1, 1), Authentication = Certificate };

    public LogLines Log { get; } = new();

    public string Folder { get; }

    public MemoryCertd Certd { get; }

    public ProvisioningSettings Settings { get; }

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
        _keyd.Dispose();
        if (_ownFolder) Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Another certificate with key in the place of the credential's; null for its own.</summary>
    public Func<DeviceCredential, X509Certificate2>? OpenAs { get; set; }

    private OpenedIdentity Open(DeviceCredential credential)
        => new(SslStreamCertificateContext.Create(OpenAs?.Invoke(credential) ?? Certd.WithKey(credential.KeyHandle), null, offline: true),
            null);
}
