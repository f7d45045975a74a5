using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Certificates.Distrust;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using EstProv.Simulator;
using EstProv.Simulator.Est;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Recording;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Certificates.Tests.Support;

/// <summary>A device: its folder, its keys and its clock outlive the Certificates Service, which starts, crashes and starts again.</summary>
internal sealed class TestDevice : IAsyncDisposable
{
    private static readonly Position Here = new("certd.toml", 1, 1);

    private TestDevice(string folder, SimulatorHost simulator, DeviceTime time)
    {
        Folder = folder;
        Simulator = simulator;
        Time = time;
        Base = $"https://localhost:{simulator.Ports.Est}/.well-known/est";
        Configuration = new CertdConfiguration
        {
            HomedirPath = Path.Combine(folder, "certd"),
            MaxRequests = 10,
            Issuance = new Dictionary<string, CertificateIssuance>
            {
                ["device-ca"] = By(IssuanceMethod.Est),
                ["device-id"] = By(IssuanceMethod.Est),
                ["module-id"] = By(IssuanceMethod.Est),
                ["module-server"] = By(IssuanceMethod.Est),
            },
            Est = new EstIssuance
            {
                Method = EstAuthentication.X509,
                Position = Here,
                IdentityCert = "est-id",
                IdentityPk = "est-id",
                BootstrapIdentityCert = "bootstrap",
                BootstrapIdentityPk = "bootstrap",
                BootstrapUse = BootstrapUse.Expired,
                TrustSystem = false,
                Urls = new Dictionary<string, Positioned<Uri>>
                {
                    ["default"] = new(new Uri(Base), Here),
                    ["est-id"] = new(new Uri(Base + "/est-id"), Here),
                    ["device-id"] = new(new Uri(Base + "/device-id"), Here),
                    ["device-ca"] = new(new Uri(Base + "/device-ca"), Here),
                    ["module-server"] = new(new Uri(Base + "/module-server"), Here),
                },
            },
            PreloadedFiles = new Dictionary<string, Positioned<string>>
            {
                ["bootstrap"] = new(FileOf("bootstrap.cer"), Here),
                ["est-ca"] = new(simulator.Pki.CertificatePath(simulator.Pki.EstServer), Here),
            },
            PreloadedBundles = new Dictionary<string, Positioned<IReadOnlyList<string>>> { ["trust-bundle"] = new(["est-ca"], Here) },
            Principals = [],
        };
    }

    public string Folder { get; }

    public SimulatorHost Simulator { get; }

    public DeviceTime Time { get; }

    public string Base { get; }

    public CertdConfiguration Configuration { get; set; }

    public SoftKeyd Keyd { get; } = new();

    /// <summary>Of all runs.</summary>
    public SeenEvents Events { get; } = new();

    public CredentialEngine Engine { get; private set; } = null!;

    public CredentialRequests Requests { get; private set; } = null!;

    public CallerIssuer Issuer { get; private set; } = null!;

    public RescueRequests Rescues { get; private set; } = null!;

    public ResetRequests Resets { get; private set; } = null!;

    public DistrustRequests Distrusts { get; private set; } = null!;

    public CertificateReader Reader { get; private set; } = null!;

    public SoftIdentities Identities { get; private set; } = null!;

    public EngineParts Parts { get; private set; } = null!;

    public BelievedClock Clock { get; private set; } = null!;

    public DateTimeOffset BuildTime { get; set; }

    /// <summary>What the environment says.</summary>
    public ProxyChoice? Proxies { get; set; }

    public ILogger Log { get; set; } = NullLogger.Instance;

    public static async Task<TestDevice> CreateAsync(EstOptions? est = null, bool bootstrap = true)
    {
        var folder = Directory.CreateTempSubdirectory("certd-").FullName;
        var time = new FakeTimeProvider(new DateTimeOffset(2027, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var simulator = await SimulatorHost.StartAsync(new SimulatorOptions { Data = Path.Combine(folder, "sim"), Time = time, Est = est ?? new EstOptions() });
        var device = new TestDevice(folder, simulator, new DeviceTime(time)) { BuildTime = time.GetUtcNow() - TimeSpan.FromDays(30) };
        if (bootstrap) device.MakeBootstrap("bootstrap", "bootstrap.cer", "CN=device-1");
        return device;
    }

    public static CertificateIssuance By(IssuanceMethod method, string algorithm = "ec-p256", string? name = null) =>
        new() { Method = method, Position = Here, KeyAlgorithm = algorithm, CommonName = name };

    public static Positioned<T> At<T>(T value) => new(value, Here);

    /// <summary>Adds or replaces entries of <c>[cert_issuance]</c>.</summary>
    public void Issue(params (string Id, CertificateIssuance Issuance)[] entries)
    {
        var issuance = new Dictionary<string, CertificateIssuance>(Configuration.Issuance);
        foreach (var (id, entry) in entries) issuance[id] = entry;
        Configuration = Configuration with { Issuance = issuance };
    }

    /// <summary>Adds an operator's file to <c>[preloaded_certs]</c>.</summary>
    public void PreloadFile(string id, string file) =>
        Configuration = Configuration with { PreloadedFiles = new Dictionary<string, Positioned<string>>(Configuration.PreloadedFiles) { [id] = At(FileOf(file)) } };

    public string FileOf(string name) => Path.Combine(Folder, name);

    /// <summary>Its folders as they are called on a device, for messages.</summary>
    public (string What, string Called)[] Names => [(Configuration.HomedirPath, "/var/lib/estprov/certd"), (Folder, "/etc/estprov")];

    public string StoreFile(string name) => Path.Combine(Configuration.HomedirPath, "certs", name);

    /// <summary>A key of the operator's in keyd, and a certificate for it by the bootstrap CA.</summary>
    public X509Certificate2 MakeBootstrap(string keyId, string file, string subject, TimeSpan? life = null)
    {
        var certificate = Sign(Simulator.Pki.Bootstrap, subject, Keyd.Preload(keyId), life ?? TimeSpan.FromDays(3650));
        File.WriteAllText(FileOf(file), certificate.ExportCertificatePem() + "\n");
        return certificate;
    }

    /// <summary>An EST identity as the EST server's operator would hand it out.</summary>
    public X509Certificate2 MakeEstIdentity(string keyId, string file, string subject, TimeSpan? life = null, bool rsa = false)
    {
        var order = new EstProv.Simulator.Pki.IssueOrder
        {
            Request = SigningRequestFor(subject, Keyd.Preload(keyId, rsa)),
            Issuer = Simulator.Pki.Identity,
            Profile = EstProfile.Client,
            Validity = life ?? TimeSpan.FromDays(90),
            Label = "est-id",
            Operation = "issue-est-id",
            EstIdentity = true,
        };
        var certificate = Simulator.Issuer.Issue(order, Time.GetUtcNow());
        File.WriteAllText(FileOf(file), certificate.ExportCertificatePem() + "\n" + Simulator.Pki.Identity.Certificate.ExportCertificatePem() + "\n");
        return certificate;
    }

    /// <summary>A certificate by the simulator's CA of EST identities, for any key.</summary>
    public X509Certificate2 Certify(string subject, byte[] subjectPublicKeyInfo, TimeSpan life)
    {
        var key = PublicKey.CreateFromSubjectPublicKeyInfo(subjectPublicKeyInfo, out _);
        var request = new CertificateRequest(new X500DistinguishedName(subject), key, HashAlgorithmName.SHA256);
        var (ca, now) = (Simulator.Pki.Identity, Time.GetUtcNow());
        return request.Create(ca.Certificate.SubjectName, ca.Generator(), now - TimeSpan.FromDays(1), now + life, LocalMint.NewSerialNumber());
    }

    /// <summary>A CA of the same name and key, signed by another one.</summary>
    public X509Certificate2 CrossSign(X509Certificate2 ca, EstProv.Simulator.Pki.Authority signer)
    {
        var request = new CertificateRequest(ca.SubjectName, ca.PublicKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(ca.PublicKey, false));
        var now = Time.GetUtcNow();
        return request.Create(signer.Certificate.SubjectName, signer.Generator(), now - TimeSpan.FromDays(1), now + TimeSpan.FromDays(365), LocalMint.NewSerialNumber());
    }

    public void Start(Action<string>? checkpoint = null)
    {
        Directory.CreateDirectory(Configuration.HomedirPath);
        Clock = new BelievedClock(Time, BuildTime, Path.Combine(Configuration.HomedirPath, "clock"));
        var log = Log;
        var preloaded = new PreloadedCertificates(Configuration, log);
        Reader = new CertificateReader(preloaded);
        var distrusted = new DistrustList(Configuration.HomedirPath, Configuration.Distrusted, Configuration.DistrustSpread, Clock, log);
        var rescue = new RescueDesk(Configuration.HomedirPath, Configuration.Est, preloaded, Clock, log);
        var approved = Configuration.Est!.CaFingerprint is { } fingerprint ? new ApprovedCa(Configuration.HomedirPath, fingerprint.Value, log) : null;
        var events = new CertificateEvents(log, Events.Publish);
        var learnt = new LearntAnchors(new AnchorStore(Configuration.HomedirPath, log), Clock, events, Random.Shared);
        var anchors = new TrustAnchors(Configuration.Est!, Reader.ReadConfigured, Reader.DeviceCaChain, learnt)
        {
            Distrusted = distrusted,
            Besides = () => rescue.Anchors,
            Approved = approved,
        };
        Reader.Learnt = learnt;
        Identities = new SoftIdentities(Keyd);
        Parts = new EngineParts
        {
            Configuration = Configuration,
            Store = new CertificateStore(Configuration.HomedirPath, log),
            Preloaded = preloaded,
            Keys = Keyd,
            Est = new EstServers(Configuration.Est!, anchors, learnt, Identities, Clock, log, () => rescue.OneTime, Proxies),
            Clock = Clock,
            Distrusted = distrusted,
            Rescue = rescue,
            Events = events,
            Checkpoint = checkpoint,
        };
        Engine = new CredentialEngine(Parts, log);
        Reader.Table = Engine.Table;
        Requests = new CredentialRequests(Parts, Engine);
        Issuer = new CallerIssuer(Parts, Engine);
        Rescues = new RescueRequests(Parts, Engine);
        Distrusts = new DistrustRequests(Parts, Engine);
        Resets = new ResetRequests(Parts, Engine, Requests, Rescues);
        Engine.Start();
    }

    public void Stop()
    {
        Engine.Dispose();
        ((IDisposable)Parts.Est!).Dispose();
    }

    public void Restart()
    {
        Stop();
        Start();
    }

    /// <summary>As the Identity Service does: waits in real time, up to some seconds, for the answer.</summary>
    public CredentialAnswer Ensure(string id, string? name = null, bool provesItself = true)
    {
        using var impatience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return Requests.Ensure(id, id, name, TimeSpan.FromSeconds(5), provesItself, impatience.Token);
    }

    /// <summary>Ensures a device identity, and confirms it.</summary>
    public X509Certificate2 Provision(string id = "device-id")
    {
        var answer = Ensure(id);
        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => $"{answer.Problem}\n{Events}");
        var leaf = PemText.Parse(answer.ChainPem!)[0];
        Requests.Confirm(id, CertificateFacts.SpkiOf(leaf), CancellationToken.None);
        return leaf;
    }

    /// <summary>Lets time pass while nobody waits for an answer: the servers' time-outs are of the same time.</summary>
    public void Advance(TimeSpan time)
    {
        AwaitIdle();
        Time.Advance(time);
        AwaitIdle();
    }

    /// <summary>The EST server's next answer under this label takes a minute of the device's own time.</summary>
    public void HangEst(string label) => Simulator.AddFault(new FaultRule
    {
        Kind = FaultKind.Delay,
        Service = SimulatorService.Est,
        Label = label,
        DelayMilliseconds = 60_000,
    });

    /// <summary>Waits until nothing is being done.</summary>
    public void AwaitIdle()
    {
        var until = Environment.TickCount64 + 20_000;
        lock (Engine.Table.Gate)
        {
            while (Engine.Table.Credentials.Any(credential => credential.Busy))
            {
                Assert.That(Environment.TickCount64, Is.LessThan(until), "the engine does not come to rest");
                Monitor.Wait(Engine.Table.Gate, 100);
            }
        }
    }

    public StoredCertificate? Current(string id) => Engine.Table.FindLocked(id)?.Current;

    public X509Certificate2 Served(string id) => PemText.Parse(Reader.Read(id))[0];

    /// <summary>EST requests that were answered, as <c>operation/label status</c>.</summary>
    public IReadOnlyList<string> Asked => [.. Simulator.Recorder.Requests().Where(IsEst).Select(r => $"{r.Route}/{r.Label} {r.Status}")];

    public async ValueTask DisposeAsync()
    {
        if (Engine is not null) Stop();
        await Simulator.DisposeAsync();
        Keyd.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static bool IsEst(RequestRecord request) => request.Service == SimulatorService.Est;

    private X509Certificate2 Sign(EstProv.Simulator.Pki.Authority authority, string subject, AsymmetricAlgorithm key, TimeSpan life)
    {
        var request = RequestFor(subject, key);
        var now = Time.GetUtcNow();
        return request.Create(authority.Certificate.SubjectName, authority.Generator(), now - TimeSpan.FromMinutes(5), now + life, LocalMint.NewSerialNumber());
    }

    private static CertificateRequest RequestFor(string subject, AsymmetricAlgorithm key) => key switch
    {
        ECDsa ec => new CertificateRequest(subject, ec, HashAlgorithmName.SHA256),
        RSA rsa => new CertificateRequest(subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        _ => throw new InvalidOperationException(),
    };

    private static EstProv.Simulator.Pki.SigningRequest SigningRequestFor(string subject, AsymmetricAlgorithm key) =>
        EstProv.Simulator.Pki.SigningRequest.Parse(RequestFor(subject, key).CreateSigningRequest());
}
