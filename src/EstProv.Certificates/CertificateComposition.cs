using EstProv.Certificates.Api;
using EstProv.Certificates.Distrust;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Keys.Client;
using EstProv.Keys.Tls;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates;

/// <summary>The parts of the Certificates Service, put together for a configuration.</summary>
internal sealed class CertificateComposition : IDisposable
{
    public static readonly string[] Versions = ["2020-09-01"];

    /// <summary>Small tokens take tens of seconds to generate an RSA key; everything else is answered at once.</summary>
    private static readonly TimeSpan KeydAnswers = TimeSpan.FromSeconds(65);

    private readonly EngineParts _parts;
    private readonly CredentialEngine _engine;
    private readonly CertificateReader _reader;
    private readonly LocalClient _keyd;
    private readonly ProviderKeys _providerKeys;
    private readonly ProviderIdentities _identities;
    private readonly EstServers? _est;

    public CertificateComposition(CertdConfiguration configuration, DaemonContext context, ChangeFeed changes, ILogger logger)
    {
        var store = new CertificateStore(configuration.HomedirPath, logger);
        AtomicFile.RemoveLeftovers(configuration.HomedirPath);
        var clock = new BelievedClock(context.Time, context.BuildTime, Path.Combine(configuration.HomedirPath, "clock"));
        var preloaded = new PreloadedCertificates(configuration, logger);
        _reader = new CertificateReader(preloaded);
        _keyd = new LocalClient(context.KeydSocket, "estprov-keyd", "Key Service", KeydAnswers);
        _providerKeys = new ProviderKeys(_keyd, context.KeydSocket);
        _identities = new ProviderIdentities(_providerKeys);
        var distrusted = new DistrustList(configuration.HomedirPath, configuration.Distrusted, configuration.DistrustSpread, clock, logger);
        var rescue = new RescueDesk(configuration.HomedirPath, configuration.Est, preloaded, clock, logger);
        var events = new CertificateEvents(logger, (kind, id, fields) => changes.Publish(kind, id, fields));
        if (configuration.Est is { } est)
        {
            var approved = est.CaFingerprint is { } fingerprint ? new ApprovedCa(configuration.HomedirPath, fingerprint.Value, logger) : null;
            var learnt = new LearntAnchors(new AnchorStore(configuration.HomedirPath, logger), clock, events, Random.Shared);
            var anchors = new TrustAnchors(est, _reader.ReadConfigured, () => _reader.DeviceCaChain(), learnt)
            {
                Distrusted = distrusted,
                Besides = () => rescue.Anchors,
                Approved = approved,
            };
            var proxies = ProxyChoice.OfEnvironment(Environment.GetEnvironmentVariable);
            _est = new EstServers(est, anchors, learnt, _identities, clock, logger, () => rescue.OneTime, proxies);
            _reader.Learnt = learnt;
        }

        _parts = new EngineParts
        {
            Configuration = configuration,
            Store = store,
            Preloaded = preloaded,
            Keys = new KeyClient(_keyd),
            Est = _est,
            Clock = clock,
            Distrusted = distrusted,
            Rescue = rescue,
            Events = events,
        };
        _engine = new CredentialEngine(_parts, logger);
        _reader.Table = _engine.Table;
    }

    public void Map(LocalServer server, CertificateRights rights, ChangeFeed changes)
    {
        changes.Map(server, Versions);
        server.MapMetrics(new CertificateMetrics(_parts, _engine, changes).Write);
        var requests = new CredentialRequests(_parts, _engine);
        new CertificateRoutes(_parts, _engine, requests, _reader, new CallerIssuer(_parts, _engine), rights).Map(server, Versions);
        new CredentialRoutes(requests, new CredentialListing(_parts, _engine), new IssuancePlan(_parts, _engine), rights)
            .Map(server, Versions);
        var rescues = new RescueRequests(_parts, _engine);
        new OperatorRoutes(rescues, new DistrustRequests(_parts, _engine), rights, _parts.Configuration.DistrustSpread).Map(server, Versions);
        new ResetRoutes(new ResetRequests(_parts, _engine, requests, rescues), rights).Map(server, Versions);
    }

    public void Start() => _engine.Start();

    public void Dispose()
    {
        _engine.Dispose();
        _est?.Dispose();
        _identities.Dispose();
        _providerKeys.Dispose();
        _keyd.Dispose();
    }
}
