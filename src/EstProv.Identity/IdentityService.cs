using System.Text.Json;
using EstProv.Certificates.Client;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Api;
using EstProv.Identity.Dps;
using EstProv.Identity.Local;
using EstProv.Identity.Modules;
using EstProv.Identity.Provisioning;
using EstProv.LocalApi;
using EstProv.LocalApi.Access;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity;

/// <summary>The service put together from its parts: socket first, then the provisioning loop and the watch over the certificate.</summary>
internal sealed class IdentityService : IDisposable
{
    private readonly CancellationTokenSource _stopping;
    private readonly LocalServer _server;
    private readonly CertificateWatch _watch;
    private readonly string? _certificateId;
    private readonly ModuleComposition _modules;
    private Task _running = Task.CompletedTask;

    public IdentityService(IdentitydConfiguration configuration, LocalServerOptions socket, ICertificateClient certificates,
        LocalClient certd, KeydQueries keyd, IdentityOpener open, BelievedClock clock, ILogger logger, CancellationToken stopping,
        Func<IReadOnlyList<IdentityPrincipal>>? principals = null)
    {
        var settings = configuration.Provisioning;
        _stopping = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var time = clock.TimeProvider;
        var feed = new ChangeFeed(time);
        Status = new ProvisioningStatus();
        var proxies = ProxyChoice.OfEnvironment(Environment.GetEnvironmentVariable);
        var provisioning = ProvisioningSources.Create(settings, certificates, open, keyd.Symmetric, proxies, clock, logger);
        Loop = new ProvisioningLoop(provisioning, certificates, keyd.FindHandle, new ProvisionedStore(configuration.HomedirPath), Status,
            new ProvisioningEvents(logger, feed), clock);
        // Nothing happens to a symmetric key by itself.
        _certificateId = (settings.Authentication as CertificateAuthentication)?.CertificateId;
        _watch = new CertificateWatch(certd, Changed, _stopping.Token);
        _server = new LocalServer(socket, logger, time);
        var admitted = principals ?? (() => configuration.Principals);
        _modules = new ModuleComposition
        {
            Folder = configuration.HomedirPath,
            Certificates = certificates,
            Keyd = keyd.Symmetric,
            FindKey = keyd.FindHandle,
            Open = open,
            TrustedCerts = settings.TrustedCerts,
            Gateway = static state => state.GatewayHost,
            Proxies = proxies,
            Status = Status,
            Reprovision = Loop.ReprovisionAfterRefusal,
            Principals = admitted,
            FollowCertificates = _watch.Start,
            Clock = clock,
            Logger = logger,
            Feed = feed,
        };
        var handles = new KeyHandles(time);
        var rights = new IdentityRights(_modules.Noticing(admitted), new DenialLog(logger, time));
        var local = new LocalIdentities(configuration.LocalId, certd, Environment.MachineName, time);
        var moduleRoutes = new ModuleRoutes(rights, _modules.Service, _modules.Keys, keyd, handles, local);
        moduleRoutes.Map(_server);
        new IdentityRoutes(settings, rights, Status, Loop.Reprovision,
            new DeviceAnswer(Status, keyd, handles, static state => state.GatewayHost), moduleRoutes,
            () => TrustBundle(certd)).Map(_server);
        new CloudRoute(new CloudReach(settings, new CloudTrust(settings.TrustedCerts, certificates), proxies, clock, logger), rights,
            Status).Map(_server);
        feed.Map(_server, ApiVersions.All);
        _server.MapMetrics(new IdentityMetrics(Status, feed, clock).Write);
    }

    public ProvisioningStatus Status { get; }

    public ProvisioningLoop Loop { get; }

    /// <exception cref="ProblemException">The socket cannot be served (<c>socket_*</c>).</exception>
    public void Start()
    {
        Loop.Restore();
        _modules.Register.Restore();
        _server.Start();
        if (_certificateId is not null) _watch.Start();
        _running = Task.WhenAll(Task.Run(() => Loop.RunAsync(_stopping.Token)), Task.Run(() => _modules.Hosts.RunAsync(_stopping.Token)));
    }

    public void Stop()
    {
        _stopping.Cancel();
        _server.Stop();
        _running.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        Stop();
        _server.Dispose();
        _modules.Dispose();
        _stopping.Dispose();
    }

    private void Changed(string id, string kind)
    {
        if (id.Length == 0 || id == _certificateId) Loop.Look();
        // What failed is tried again by certd, which tells it.
        if (id.Length == 0 || (ModuleCertificates.IsId(id) && kind is not (CertificateWatch.Issued or CertificateWatch.Failed)))
            _modules.Hosts.LookAtCertificates();
    }

    /// <summary>As certd has it, text for text: nothing here needs to understand it.</summary>
    private static string TrustBundle(LocalClient certd)
    {
        var reply = certd.Send("GET", $"/certificates/trust-bundle?api-version={ApiVersions.Certd}");
        try
        {
            using var document = JsonDocument.Parse(reply.Body);
            if (document.RootElement.ValueKind is JsonValueKind.Object && document.RootElement.TryGetProperty("pem", out var pem)
                && pem.ValueKind is JsonValueKind.String) return pem.GetString()!;
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new ProblemException("certd_bad_answer", "the Certificates Service answered without a certificate",
            "are all daemons of one version?", 503);
    }
}
