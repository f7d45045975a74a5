using EstProv.Certificates.Client;
using EstProv.Configuration;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Dps;
using EstProv.Identity.Hub;
using EstProv.Identity.Provisioning;
using EstProv.Keys.Client;
using EstProv.LocalApi;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Modules;

/// <summary>Module identities put together from their parts, each made when it is first needed.</summary>
internal sealed class ModuleComposition : IDisposable
{
    private HubConnections? _connections;

    /// <summary>The state folder.</summary>
    public required string Folder { get; init; }

    public required ICertificateClient Certificates { get; init; }

    public required SymmetricKeyClient Keyd { get; init; }

    /// <summary>The handle of a key pair, by key id and the SHA-256 of its public key.</summary>
    public required Func<string, byte[], string?> FindKey { get; init; }

    public required IdentityOpener Open { get; init; }

    /// <summary>What the hub is verified against; null for the system's store.</summary>
    public required Positioned<IReadOnlyList<string>>? TrustedCerts { get; init; }

    /// <summary>The host that takes the device's requests to its hub.</summary>
    public required Func<ProvisionedState, string> Gateway { get; init; }

    public ProxyChoice? Proxies { get; init; }

    public required ProvisioningStatus Status { get; init; }

    /// <summary>Has the device register again; gives the number of that wish, and null where the configuration does not want it.</summary>
    public required Func<int?> Reprovision { get; init; }

    public required Func<IReadOnlyList<IdentityPrincipal>> Principals { get; init; }

    /// <summary>Has the Certificates Service's changes followed, from when it is first called on.</summary>
    public Action FollowCertificates { get; init; } = static () => { };

    public required BelievedClock Clock { get; init; }

    public required ILogger Logger { get; init; }

    public required ChangeFeed Feed { get; init; }

    public ModuleKeys Keys => field ??= new ModuleKeys(Keyd);

    public ModuleRegister Register => field ??= new ModuleRegister(new ModuleFile(Folder), Events);

    public ModuleService Service
        => field ??= new ModuleService(Access, Register, Keys, new ModuleCertificates(Certificates), Events, Clock);

    public HostModules Hosts => field ??= MakeHosts();

    private ModuleEvents Events => field ??= new ModuleEvents(Logger, Feed);

    private HubAccess Access => field ??= new HubAccess(
        _connections ??= new HubConnections(Certificates, Open, FindKey, Keyd, new CloudTrust(TrustedCerts, Certificates), Proxies, Clock,
            Logger),
        Status, Reprovision, Gateway, Clock.TimeProvider);

    /// <summary>The same principals; where others are in force than before, the hub's modules are looked after at once.</summary>
    public Func<IReadOnlyList<IdentityPrincipal>> Noticing(Func<IReadOnlyList<IdentityPrincipal>> principals)
    {
        var hosts = Hosts;
        var last = principals();
        return () =>
        {
            var now = principals();
            if (!ReferenceEquals(now, last))
            {
                last = now;
                hosts.LookAtOnce();
            }

            return now;
        };
    }

    public void Dispose()
    {
        _connections?.Dispose();
        Service.Dispose();
    }

    private HostModules MakeHosts()
    {
        var hosts = new HostModules(Service, Register, Access, Status, Principals, FollowCertificates, Events, Clock.TimeProvider);
        Status.Assigned = hosts.LookAtOnce;
        return hosts;
    }
}
