using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Est;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Tests;

/// <summary>A simulator of one test, in a folder of its own, and clients to it over real TLS.</summary>
internal sealed class Rig : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly SimulatorOptions _options;
    private readonly List<HttpClient> _clients = [];

    private Rig(DirectoryInfo folder, SimulatorOptions options, SimulatorHost host)
    {
        _folder = folder;
        _options = options;
        Host = host;
    }

    public SimulatorHost Host { get; private set; }

    public SimulatorPki Pki => Host.Pki;

    public string Folder => _folder.FullName;

    public static async Task<Rig> StartAsync(Func<SimulatorOptions, SimulatorOptions>? change = null)
    {
        var folder = Directory.CreateTempSubdirectory("estprov-simulator-");
        var options = new SimulatorOptions { Data = folder.FullName, RetryAfter = 0, Log = TestContext.Progress.WriteLine };
        options = change?.Invoke(options) ?? options;
        return new Rig(folder, options, await SimulatorHost.StartAsync(options));
    }

    public static Task<Rig> StartWithEstAsync(Func<EstOptions, EstOptions> change) => StartAsync(o => o with { Est = change(o.Est) });

    public async Task RestartAsync()
    {
        await Host.DisposeAsync();
        Host = await SimulatorHost.StartAsync(_options);
    }

    /// <summary>A client of its own connections. Names resolve to the simulator, its certificate is judged as a device would.</summary>
    public HttpClient Client(SimulatorService service, Credential? credential = null, Version? version = null, System.Net.ICredentials? passwords = null)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            Credentials = passwords,
            AllowAutoRedirect = false,
            ConnectCallback = async (context, cancellation) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync("127.0.0.1", context.DnsEndPoint.Port, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        var authority = service == SimulatorService.Est ? Pki.EstServer : Pki.CloudServer;
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            CustomTrustStore = { authority.Certificate },
        };
        if (credential is not null)
        {
            handler.SslOptions.ClientCertificateContext = credential.Context();
        }

        var client = new HttpClient(handler)
        {
            BaseAddress = Address(service),
            Timeout = TimeSpan.FromSeconds(60),
            DefaultRequestVersion = version ?? new Version(1, 1),
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        _clients.Add(client);
        return client;
    }

    /// <summary>A bootstrap certificate as the operator's CA signs it.</summary>
    public Credential Bootstrap(string name = "dev1", Authority? authority = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = CertificateMaker.Request(new X500DistinguishedName("CN=" + name), key);
        CertificateMaker.AddEndEntityExtensions(request, server: false, client: true);
        var now = Host.Clock.Now;
        using var certificate = CertificateMaker.Sign(request, authority ?? Pki.Bootstrap, now - TimeSpan.FromMinutes(1), now + TimeSpan.FromDays(1000));
        return new Credential(certificate.CopyWithPrivateKey(key));
    }

    /// <summary>Enrols and expects success.</summary>
    public async Task<Credential> EnrollAsync(string label, string subject, Credential credential)
    {
        using var order = new EnrollOrder(subject);
        var answer = await EstClient.EnrollAsync(Client(SimulatorService.Est, credential), label, order);
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
        return new Credential(order.WithKey((await EstClient.CertificatesAsync(answer))[0]));
    }

    /// <summary>A device id, all the way from a bootstrap certificate.</summary>
    public async Task<Credential> DeviceIdAsync(string name = "dev1")
        => await EnrollAsync("device-id", "CN=" + name, await EnrollAsync("est-id", "CN=" + name, Bootstrap(name)));

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            client.Dispose();
        }

        await Host.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private Uri Address(SimulatorService service) => service switch
    {
        SimulatorService.Est => new($"https://{_options.EstHost}:{Host.Ports.Est}/"),
        SimulatorService.Dps => new($"https://{_options.DpsHost}:{Host.Ports.Dps}/"),
        _ => new($"https://{_options.HubHosts[0]}:{Host.Ports.Hub}/"),
    };
}
