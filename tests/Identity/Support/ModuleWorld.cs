using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Dps;
using EstProv.Identity.Modules;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Sas;
using EstProv.LocalApi;
using EstProv.Platform.Time;
using EstProv.Simulator;
using EstProv.Simulator.Hub;
using EstProv.Simulator.Pki;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Support;

/// <summary>
/// A provisioned device with its modules' side of the Identity Service: a real hub on TLS, the real Key Service, a clock that stands. Registering again is the
/// test's to play.
/// </summary>
internal sealed class ModuleWorld : IDisposable
{
    public const string DeviceId = "dev-1";

    private readonly string _folder = Directory.CreateTempSubdirectory("estprov-identity-").FullName;
    private readonly MemoryCertd _certd = new();
    private readonly TestPki _pki = new("Modules CA");
    private readonly List<ModuleComposition> _made = [];
    private int _asked;

    /// <param name="certifiedId">An id that the real Certificates Service issues; null for certificates in memory alone.</param>
    public ModuleWorld(string? certifiedId = null)
    {
        Simulator = SimulatorHost.StartAsync(new SimulatorOptions { Data = Path.Combine(_folder, "simulator"), Log = null }).GetAwaiter().GetResult();
        Keyd = new RunningKeyd(_folder);
        if (certifiedId is not null) RealCertd = new RunningCertd(_folder, certifiedId);
        Hub = $"localhost:{Simulator.Ports.Hub}";
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={DeviceId}", key, HashAlgorithmName.SHA256);
        CertificateMaker.AddEndEntityExtensions(request, server: false, client: true);
        using var certificate = CertificateMaker.Sign(request, Simulator.Pki.DeviceIdentity, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddDays(30));
        _certd.Current = certificate.CopyWithPrivateKey(key);
        _certd.Others["hub-ca"] = [X509CertificateLoader.LoadCertificate(Simulator.Pki.CloudServer.Certificate.RawData)];
        Enrol(new HubCredential { Type = "selfSigned", PrimaryThumbprint = _certd.Current.GetCertHashString(HashAlgorithmName.SHA256) });
        Clock = new BelievedClock(Time, Time.GetUtcNow().AddDays(-7));
        Provision();
        Modules = Make();
    }

    public MemoryCertd Certd => _certd;

    public RunningCertd? RealCertd { get; }

    /// <summary>Of the state, and of the daemons' sockets.</summary>
    public string Folder => _folder;

    /// <summary>How often somebody asked for certd's changes to be followed.</summary>
    public int Followed { get; private set; }

    public SimulatorHost Simulator { get; }

    public RunningKeyd Keyd { get; }

    public string Hub { get; private set; }

    public DeviceAuth Auth { get; set; }

    public JumpTime Time { get; } = new(DateTimeOffset.UtcNow) { Hold = static _ => true };

    public BelievedClock Clock { get; }

    public ProvisioningStatus Status { get; } = new();

    /// <summary>How often the device was to register again.</summary>
    public int Reprovisions => _asked;

    /// <summary>Whether the configuration leaves it to the hub's refusal.</summary>
    public bool MayReprovision { get; set; } = true;

    /// <summary>What registering again does.</summary>
    public Action Reprovisioning { get; set; } = static () => { };

    public List<IdentityPrincipal> Principals { get; set; } = [];

    public ModuleComposition Modules { get; private set; }

    public string StateFile => Path.Combine(_folder, "modules.json");

    public IReadOnlyList<HubModule> InHub => Simulator.Devices.Find(DeviceId)!.Modules;

    public HubModule? Find(string moduleId) => InHub.FirstOrDefault(module => module.ModuleId == moduleId);

    public void Enrol(HubCredential credential) => Simulator.Devices.Change(DeviceId, before => new HubDevice
    {
        DeviceId = DeviceId,
        Hub = $"localhost:{Simulator.Ports.Hub}",
        GenerationId = "1",
        Etag = "1",
        Authentication = credential,
        Modules = before?.Modules ?? [],
    });

    public void Disable(bool disabled) => Simulator.Devices.Change(DeviceId, before => before! with { Status = disabled ? "disabled" : "enabled" });

    /// <summary>The hub is where nobody listens.</summary>
    public void LoseHub()
    {
        Hub = "localhost:1";
        Provision();
    }

    /// <summary>Another assignment, which may say the same as before.</summary>
    public void Provision() => Status.Update(now => now with
    {
        Phase = ProvisioningPhase.Settled,
        Provisioned = new ProvisionedState
        {
            Hub = $"localhost:{Simulator.Ports.Hub}",
            DeviceId = DeviceId,
            RegistrationId = DeviceId,
            Auth = Auth,
            Endpoint = "https://dps.example/",
            ScopeId = "0neTEST",
            CertificateId = "device-id",
            KeyId = Auth is DeviceAuth.Sas ? "device-key" : "device-id",
            Certificate = "",
            Spki = "",
            Since = Time.GetUtcNow(),
        },
    });

    /// <summary>The daemon ends and starts again.</summary>
    public void Restart()
    {
        Modules = Make();
        Modules.Register.Restore();
    }

    /// <summary>Sends a message as the module, by a token that the Key Service signs through the handle.</summary>
    public int SendAs(string moduleId, string handle)
    {
        var token = SasToken.Make($"localhost:{Simulator.Ports.Hub}/devices/{DeviceId}/modules/{moduleId}", DateTimeOffset.UtcNow.AddHours(1), message => Keyd.Keys.HmacSha256(handle, message));
        using var http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = static (_, server, _, _) => server is not null },
        });
        using var request = MessageOf(moduleId);
        request.Headers.TryAddWithoutValidation("Authorization", token);
        using var answer = http.Send(request);
        return (int)answer.StatusCode;
    }

    /// <summary>What certd has issued for a module and not put into use.</summary>
    public MemoryCredential Stage(string moduleId)
    {
        var id = ModuleCertificates.IdOf(moduleId);
        if (!_certd.Modules.TryGetValue(id, out var credential)) _certd.Modules[id] = credential = new MemoryCredential();
        credential.Staged = _pki.Device($"{DeviceId}/{moduleId}");
        return credential;
    }

    /// <summary>Sends a message as the module, by a TLS client certificate.</summary>
    public int SendAs(string moduleId, X509Certificate2 certificate)
    {
        using var http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = static (_, server, _, _) => server is not null,
                ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
            },
        });
        using var request = MessageOf(moduleId);
        using var answer = http.Send(request);
        return (int)answer.StatusCode;
    }

    private HttpRequestMessage MessageOf(string moduleId) => new(HttpMethod.Post,
        $"https://localhost:{Simulator.Ports.Hub}/devices/{DeviceId}/modules/{moduleId}/messages/events?api-version=2020-03-13")
    {
        Content = new ByteArrayContent([1]),
    };

    public string HandleOf(ModuleIdentity module) => Modules.Keys.Handle(module.ModuleId, module.GenerationId);

    public int HubRequests(string method) => Simulator.Recorder.Requests().Count(record => record.Service == SimulatorService.Hub && record.Method == method);

    public void Dispose()
    {
        foreach (var made in _made) made.Dispose();
        RealCertd?.Dispose();
        Keyd.Dispose();
        Simulator.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(_folder, recursive: true);
    }

    private ModuleComposition Make()
    {
        var made = new ModuleComposition
        {
            Folder = _folder,
            Certificates = RealCertd is null ? _certd : new RoutedCertificates(RealCertd.Client, _certd),
            Keyd = Keyd.Keys,
            FindKey = (_, spki) => _certd.FindKey(spki),
            Open = credential => new OpenedIdentity(SslStreamCertificateContext.Create(_certd.WithKey(credential.KeyHandle), null, offline: true), null),
            TrustedCerts = new Positioned<IReadOnlyList<string>>(["hub-ca"], new Position("identityd.toml", 4, 1)),
            Gateway = _ => Hub,
            Status = Status,
            Reprovision = () => MayReprovision ? Reprovision() : null,
            Principals = () => Principals,
            FollowCertificates = () => Followed++,
            Clock = Clock,
            Logger = NullLogger.Instance,
            Feed = new ChangeFeed(Time),
        };
        _made.Add(made);
        return made;
    }

    private int Reprovision()
    {
        var number = Interlocked.Increment(ref _asked);
        _ = Task.Run(() =>
        {
            Reprovisioning();
            Status.Update(now => now with { Reprovisions = number });
        });
        return number;
    }
}
