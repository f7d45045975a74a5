using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Certificates.Client;
using EstProv.Certificates.Issuing;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Tests;
using EstProv.LocalApi.Client;
using EstProv.Platform;
using EstProv.Simulator;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Certificates.Tests.Support;

/// <summary>
/// Both daemons in this process, on their sockets, with a SoftHSM token, the OpenSSL provider and the simulator: everything is real. The operator has made
/// a bootstrap key in the token and had its certificate signed.
/// </summary>
internal sealed partial class CertdUnderTest : IAsyncDisposable
{
    private readonly SoftHsm _token = new();
    private readonly TemporaryFolder _folder = new();
    private CancellationTokenSource? _stop;
    private Thread? _thread;

    private CertdUnderTest(SimulatorHost simulator, TemporaryFolder simulated)
    {
        Simulator = simulator;
        Simulated = simulated;
        var folder = typeof(CertdUnderTest).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "ProviderFolder").Value!;
        Assert.That(SetEnvironment("OPENSSL_MODULES", folder, 1), Is.Zero);
    }

    public SimulatorHost Simulator { get; }

    public KeydUnderTest Keyd { get; } = new();

    public LocalClient Http { get; private set; } = null!;

    public CertificateClient Client { get; private set; } = null!;

    public int ExitCode { get; private set; }

    public string Socket => Path.Combine(Path.GetDirectoryName(Keyd.Socket)!, "certd.sock");

    private TemporaryFolder Simulated { get; }

    private string ConfigFile => _folder["certd.toml"];

    public string this[string name] => _folder[name];

    /// <param name="more">What stands below the source document's tables.</param>
    public static async Task<CertdUnderTest> StartAsync(string more = "")
    {
        var simulated = new TemporaryFolder();
        var simulator = await SimulatorHost.StartAsync(new SimulatorOptions { Data = simulated.Path });
        var certd = new CertdUnderTest(simulator, simulated);
        certd._token.MakeKey("device id", "01");
        certd.Keyd.Configure($"""
            [pkcs11]
            "lib_path" = "{SoftHsm.Module}"
            "base_slot" = "{certd._token.TokenUri}"

            [preloaded_keys]
            "bootstrap" = "pkcs11:token={certd._token.Label};object=device%20id?pin-value={SoftHsm.Pin}"
            """);
        certd.Keyd.Start();
        certd.SignBootstrap();
        certd.Configure(more);
        certd.Start();
        return certd;
    }

    public void Configure(string more) => File.WriteAllText(ConfigFile, $"""
        "homedir_path" = "{_folder["home"]}"

        [cert_issuance]
        device-ca = "est"
        device-id = "est"
        module-id = "device-ca"
        module-server = "est"

        [cert_issuance.est]
        "method" = "x509"
        "identity_cert" = "est-id"
        "identity_pk" = "est-id"
        "bootstrap_identity_cert" = "bootstrap"
        "bootstrap_identity_pk" = "bootstrap"

        [cert_issuance.est.urls]
        default = "https://localhost:{Simulator.Ports.Est}/.well-known/est/simpleenroll"
        "est-id" = "https://localhost:{Simulator.Ports.Est}/.well-known/est/est-id/simpleenroll"
        "device-id" = "https://localhost:{Simulator.Ports.Est}/.well-known/est/device-id/simpleenroll"
        "device-ca" = "https://localhost:{Simulator.Ports.Est}/.well-known/est/device-ca/simpleenroll"
        "module-server" = "https://localhost:{Simulator.Ports.Est}/.well-known/est/module-server/simpleenroll"

        [preloaded_certs]
        "bootstrap" = "{_folder["bootstrap.cer"]}"
        "est-ca" = "{Simulator.Pki.CertificatePath(Simulator.Pki.EstServer)}"
        "trust-bundle" = [
            "est-ca",
        ]
        {more}
        """);

    public void Start()
    {
        _stop = new CancellationTokenSource();
        _thread = new Thread(() => ExitCode = CertificateDaemon.Run(Context(check: false, _stop.Token)));
        _thread.Start();
        Assert.That(() => File.Exists(Socket) || !_thread.IsAlive, Is.True.After(10_000, 5));
        Http = new LocalClient(Socket, "estprov-certd", "Certificates Service", TimeSpan.FromSeconds(20));
        Client = new CertificateClient(Http);
    }

    public void Stop()
    {
        Http?.Dispose();
        _stop?.Cancel();
        _thread?.Join();
        _stop?.Dispose();
        _stop = null;
    }

    /// <summary>Somebody deletes a key in the token behind keyd's back.</summary>
    public void LoseKey(string keyId)
    {
        _token.DeletePrivateKey(keyId);
        _token.DeletePublicKey(keyId);
    }

    public int Check(out string output)
    {
        var before = Console.Error;
        using var text = new StringWriter();
        Console.SetError(text);
        try
        {
            return CertificateDaemon.Run(Context(check: true, CancellationToken.None));
        }
        finally
        {
            Console.SetError(before);
            output = text.ToString();
        }
    }

    public LocalReply Send(string method, string path, string? body = null) =>
        Http.Send(method, path + (path.Contains('?') ? "&" : "?") + "api-version=2020-09-01", body is null ? default : Encoding.UTF8.GetBytes(body), body is null ? null : "application/json");

    public ProblemException Refused(string method, string path, string? body = null) => Assert.Throws<ProblemException>(() => Send(method, path, body))!;

    public async ValueTask DisposeAsync()
    {
        Stop();
        Keyd.Dispose();
        await Simulator.DisposeAsync();
        _token.Dispose();
        _folder.Dispose();
        Simulated.Dispose();
    }

    private void SignBootstrap()
    {
        var key = Keyd.Client.FindKeyPair("bootstrap")!;
        var request = new CertificateRequest(new X500DistinguishedName("CN=device-1"), PublicKey.CreateFromSubjectPublicKeyInfo(key.SubjectPublicKeyInfo, out _), HashAlgorithmName.SHA256);
        var ca = Simulator.Pki.Bootstrap;
        var now = DateTimeOffset.UtcNow;
        var certificate = request.Create(ca.Certificate.SubjectName, ca.Generator(), now.AddMinutes(-5), now.AddYears(5), LocalMint.NewSerialNumber());
        File.WriteAllText(_folder["bootstrap.cer"], certificate.ExportCertificatePem() + "\n");
    }

    private DaemonContext Context(bool check, CancellationToken stopping) => new()
    {
        ConfigFile = ConfigFile,
        ConfigDir = _folder["certd.d"],
        RuntimeDir = Path.GetDirectoryName(Keyd.Socket)!,
        CheckOnly = check,
        Loggers = NullLoggerFactory.Instance,
        Time = TimeProvider.System,
        BuildTime = DateTimeOffset.UtcNow.AddDays(-1),
        Stopping = stopping,
    };

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
