using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Configuration.Live;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Keys.Tests;
using EstProv.Keys.Tls;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.Platform.Time;
using EstProv.Simulator;
using EstProv.Simulator.Est;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Certificates.Tests.Support;

/// <summary>
/// A device in virtual time with nothing else virtual: keys in a SoftHSM token behind keyd, TLS through the OpenSSL provider, the simulator as EST server. Its device identity is minted
/// under its device CA.
/// </summary>
internal sealed partial class TokenDevice : IAsyncDisposable
{
    private static readonly TimeSpan LongestStep = TimeSpan.FromDays(1), ShortestStep = TimeSpan.FromSeconds(1);

    private readonly SoftHsm _token = new();
    private readonly TemporaryFolder _folder = new();
    private readonly TemporaryFolder _simulated;
    private readonly CertdConfiguration _configuration;
    private LocalClient _http = null!;
    private ProviderKeys _providerKeys = null!;
    private ProviderIdentities _identities = null!;
    private EngineParts _parts = null!;

    private TokenDevice(SimulatorHost simulator, TemporaryFolder simulated, DeviceTime time)
    {
        (Simulator, _simulated, Time) = (simulator, simulated, time);
        var provider = typeof(TokenDevice).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "ProviderFolder").Value!;
        Assert.That(SetEnvironment("OPENSSL_MODULES", provider, 1), Is.Zero);
        _token.MakeKey("device id", "01");
        Keyd.Configure($"""
            [pkcs11]
            "lib_path" = "{SoftHsm.Module}"
            "base_slot" = "{_token.TokenUri}"

            [preloaded_keys]
            "bootstrap" = "pkcs11:token={_token.Label};object=device%20id?pin-value={SoftHsm.Pin}"
            """);
        Keyd.Start();
        SignBootstrap();
        _configuration = Configure();
    }

    public SimulatorHost Simulator { get; }

    public DeviceTime Time { get; }

    public KeydUnderTest Keyd { get; } = new();

    public SeenEvents Events { get; } = new();

    public CredentialEngine Engine { get; private set; } = null!;

    public CredentialRequests Requests { get; private set; } = null!;

    public string CertdHome => _folder["home"];

    /// <param name="life">Of every certificate that the EST server issues.</param>
    public static async Task<TokenDevice> CreateAsync(TimeSpan life)
    {
        var simulated = new TemporaryFolder();
        var time = new FakeTimeProvider(new DateTimeOffset(2027, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var simulator = await SimulatorHost.StartAsync(new SimulatorOptions
        {
            Data = simulated.Path,
            Time = time,
            Validity = (long)life.TotalSeconds,
            Est = new EstOptions(),
        });
        return new TokenDevice(simulator, simulated, new DeviceTime(time));
    }

    public void Start()
    {
        Directory.CreateDirectory(CertdHome);
        var log = (ILogger)NullLogger.Instance;
        var clock = new BelievedClock(Time, new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero), Path.Combine(CertdHome, "clock"));
        var preloaded = new PreloadedCertificates(_configuration, log);
        var reader = new CertificateReader(preloaded);
        _http = new LocalClient(Keyd.Socket, "estprov-keyd", "Key Service", TimeSpan.FromSeconds(20));
        _providerKeys = new ProviderKeys(_http, Keyd.Socket);
        _identities = new ProviderIdentities(_providerKeys);
        var events = new CertificateEvents(log, Events.Publish);
        var learnt = new LearntAnchors(new AnchorStore(_configuration.HomedirPath, log), clock, events, Random.Shared);
        var anchors = new TrustAnchors(_configuration.Est!, reader.ReadConfigured, reader.DeviceCaChain, learnt);
        _parts = new EngineParts
        {
            Configuration = _configuration,
            Store = new CertificateStore(_configuration.HomedirPath, log),
            Preloaded = preloaded,
            Keys = new KeyClient(_http),
            Est = new EstServers(_configuration.Est!, anchors, learnt, _identities, clock, log),
            Clock = clock,
            Events = events,
        };
        Engine = new CredentialEngine(_parts, log);
        reader.Table = Engine.Table;
        Requests = new CredentialRequests(_parts, Engine);
        Engine.Start();
        AwaitIdle();
    }

    public void Stop()
    {
        Engine.Dispose();
        ((IDisposable)_parts.Est!).Dispose();
        _identities.Dispose();
        _providerKeys.Dispose();
        _http.Dispose();
    }

    public void Restart()
    {
        Stop();
        Start();
    }

    /// <summary>What was seen so far is forgotten, here and by the simulator, so that it does not count as this device's memory.</summary>
    public void ForgetHistory()
    {
        Simulator.Recorder.Reset();
        Events.Clear();
    }

    /// <summary>Lets time pass from one thing that is due to the next, and after each waits until it is done; identityd's part, which is to use what is staged, is done too.</summary>
    public void Live(TimeSpan time)
    {
        for (var left = time; left > TimeSpan.Zero;)
        {
            var step = NextDue();
            if (step > left) step = left;
            Time.Advance(step);
            left -= step;
            AwaitIdle();
            ConfirmStaged();
        }
    }

    /// <summary>Whether every certificate has been of use, so that nothing is kept of those before.</summary>
    public bool IsSettled()
    {
        lock (Engine.Table.Gate)
            return Engine.Table.Credentials.All(static credential => credential is { Used: true, Previous: null, Staged: null, Current: not null, Busy: false, Failures: 0 });
    }

    /// <summary>Lines that pkcs11-tool prints for objects, by type and label.</summary>
    public IReadOnlyList<string> TokenObjects() =>
        [.. _token.ListObjects().Split('\n').Where(static line => line.Contains("Object;", StringComparison.Ordinal)).Select(static line => line.Trim()).Order(StringComparer.Ordinal)];

    public StoredCertificate? Current(string id) => Engine.Table.FindLocked(id)?.Current;

    public async ValueTask DisposeAsync()
    {
        Stop();
        Keyd.Dispose();
        await Simulator.DisposeAsync();
        _token.Dispose();
        _folder.Dispose();
        _simulated.Dispose();
    }

    private TimeSpan NextDue()
    {
        lock (Engine.Table.Gate)
        {
            var next = LongestStep;
            foreach (var credential in Engine.Table.Credentials)
            {
                var wait = Needs.Wait(credential, Time);
                if (wait <= TimeSpan.Zero && credential is { Current: { } current, Issuance: not null }) wait = Needs.RenewalAt(credential, current) - Time.GetUtcNow();
                if (wait > TimeSpan.Zero && wait < next) next = wait;
            }

            return next > ShortestStep ? next : ShortestStep;
        }
    }

    private void ConfirmStaged()
    {
        StoredCertificate? staged;
        lock (Engine.Table.Gate) staged = Engine.Table.Find("device-id") is { ProvedByCaller: true } credential ? credential.Staged : null;
        if (staged is not null) Requests.Confirm("device-id", staged.Spki, CancellationToken.None);
        AwaitIdle();
    }

    private void AwaitIdle()
    {
        var until = Environment.TickCount64 + 60_000;
        lock (Engine.Table.Gate)
        {
            while (Engine.Table.Credentials.Any(credential => credential.Busy))
            {
                Assert.That(Environment.TickCount64, Is.LessThan(until), "the engine does not come to rest");
                Monitor.Wait(Engine.Table.Gate, 100);
            }
        }
    }

    private CertdConfiguration Configure()
    {
        File.WriteAllText(_folder["certd.toml"], $"""
            "homedir_path" = "{CertdHome}"

            [cert_issuance]
            device-ca = "est"
            device-id = "device-ca"

            [cert_issuance.est]
            "method" = "x509"
            "identity_cert" = "est-id"
            "identity_pk" = "est-id"
            "bootstrap_identity_cert" = "bootstrap"
            "bootstrap_identity_pk" = "bootstrap"

            [cert_issuance.est.urls]
            "est-id" = "https://localhost:{Simulator.Ports.Est}/.well-known/est/est-id/simpleenroll"
            "device-ca" = "https://localhost:{Simulator.Ports.Est}/.well-known/est/device-ca/simpleenroll"

            [preloaded_certs]
            "bootstrap" = "{_folder["bootstrap.cer"]}"
            "est-ca" = "{Simulator.Pki.CertificatePath(Simulator.Pki.EstServer)}"
            "trust-bundle" = ["est-ca"]
            """);
        var loaded = new LiveSource<CertdConfiguration>(_folder["certd.toml"], _folder["certd.d"], ConfigurationLoader.LoadCertd, Users.FindUser).LoadFirst();
        Assert.That(loaded.Value, Is.Not.Null, loaded.ToTerminalText);
        return loaded.Value!;
    }

    private void SignBootstrap()
    {
        var key = Keyd.Client.FindKeyPair("bootstrap")!;
        var request = new CertificateRequest(new X500DistinguishedName("CN=device-1"), PublicKey.CreateFromSubjectPublicKeyInfo(key.SubjectPublicKeyInfo, out _), HashAlgorithmName.SHA256);
        var (ca, now) = (Simulator.Pki.Bootstrap, Time.GetUtcNow());
        var certificate = request.Create(ca.Certificate.SubjectName, ca.Generator(), now.AddMinutes(-5), now.AddYears(5), LocalMint.NewSerialNumber());
        File.WriteAllText(_folder["bootstrap.cer"], certificate.ExportCertificatePem() + "\n");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
