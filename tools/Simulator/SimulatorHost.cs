using System.Diagnostics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Control;
using EstProv.Simulator.Dps;
using EstProv.Simulator.Est;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Hub;
using EstProv.Simulator.Pki;
using EstProv.Simulator.Recording;
using EstProv.Simulator.Tls;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace EstProv.Simulator;

/// <summary>A running simulator: EST server, DPS and IoT Hub on real TLS. Starts in a process of its own or in a test's.</summary>
public sealed class SimulatorHost : IAsyncDisposable
{
    private readonly SimulatorOptions _options;
    private readonly WebApplication _app;
    private readonly TlsFrontEnd _tls;
    private readonly ServerCertificates _serverCertificates;
    private readonly Dictionary<SimulatorService, IService> _services;
    private readonly ControlPlane _control;
    private readonly EstTrust _estTrust;
    private readonly DpsAttestation _attestation;
    private readonly HubAuthenticator _hubAuthenticator;
    private readonly EstService _est;
    private readonly List<ListenOptions> _listeners;
    private ListenOptions? _controlListener;

    private SimulatorHost(SimulatorOptions options)
    {
        _options = options;
        Clock = new SimulatorClock(options.Time);
        Pki = SimulatorPki.LoadOrCreate(options.Data, options.KeyKind, Clock.Now);
        Recorder = new Recorder(options.Log, Clock);
        Issuer = new Issuer(options.Data);
        Devices = new DeviceRegistry(options.Data);
        Registrations = new DpsRegistry(options.Data);
        Enrollments = new DpsEnrollments(options.Data);
        foreach (var enrollment in options.Enrollments)
        {
            Enrollments.Put(enrollment);
        }

        _estTrust = new EstTrust(Pki, Issuer, Clock);
        _attestation = new DpsAttestation(Pki, Enrollments, options.ScopeId);
        _hubAuthenticator = new HubAuthenticator(Pki);
        _est = new EstService(options, Pki, _estTrust, new EstIssuance(options, Pki, Issuer, Clock), Clock);
        _services = new()
        {
            [SimulatorService.Est] = _est,
            [SimulatorService.Dps] = new DpsService(
                options, _attestation, Registrations, new DpsAllocation(options, Clock, Registrations, Devices, () => AssignedHub)),
            [SimulatorService.Hub] = new HubService(options, Devices, _hubAuthenticator, Messages),
        };
        _control = new ControlPlane(this);
        _serverCertificates = new ServerCertificates(options, Pki, Clock.Now);
        _tls = new TlsFrontEnd(options, _serverCertificates, Faults, Recorder, client => _estTrust.Verify(client, out _));
        _app = Build(out var listeners);
        Ports = new SimulatorPorts { Est = 0, Dps = 0, Hub = 0, Control = 0, Pid = Environment.ProcessId };
        _listeners = listeners;
    }

    public SimulatorPorts Ports { get; private set; }

    public SimulatorPki Pki { get; }

    public SimulatorClock Clock { get; }

    public FaultBoard Faults { get; } = new();

    public Recorder Recorder { get; }

    public Issuer Issuer { get; }

    public DpsRegistry Registrations { get; }

    public DpsEnrollments Enrollments { get; }

    public DeviceRegistry Devices { get; }

    /// <summary>Messages from and to the devices.</summary>
    public DeviceMessages Messages { get; } = new();

    /// <summary>SHA-256 of EST requests that were answered with 202, and how many more times they will be.</summary>
    public IReadOnlyDictionary<string, int> PendingRequests => _est.Pending.Waiting;

    /// <summary>What DPS answers as assignedHub.</summary>
    public string AssignedHub => _options.AssignedHub switch
    {
        null => _options.HubHosts[0],
        "auto" => "localhost:" + Ports.Hub,
        var name => name,
    };

    public static string PortsFile(string data) => Path.Combine(data, "ports.json");

    /// <summary>Listens, then writes ports.json.</summary>
    public static async Task<SimulatorHost> StartAsync(SimulatorOptions options, CancellationToken cancellation = default)
    {
        var host = new SimulatorHost(options);
        try
        {
            File.Delete(PortsFile(options.Data));
            await host._app.StartAsync(cancellation);
            host.KnowPorts();
        }
        catch
        {
            await host._app.DisposeAsync();
            throw;
        }

        StateFile.WriteJson(PortsFile(options.Data), host.Ports);
        host.Recorder.Note($"listening est={host.Ports.Est} dps={host.Ports.Dps} hub={host.Ports.Hub} control={host.Ports.Control}");
        return host;
    }

    public TlsCounts Handshakes(SimulatorService service) => Recorder.Tls(service);

    public int OpenConnections(SimulatorService service) => _tls.OpenConnections(service);

    /// <summary>Closes a service's connections (null = all), so that the next request makes a new handshake.</summary>
    public void CloseConnections(SimulatorService? service = null) => _tls.CloseConnections(service);

    /// <summary>Switches a fault on; one of TLS also closes the service's connections, else it would show at the next one only.</summary>
    public int AddFault(FaultRule rule)
    {
        var id = Faults.Add(rule);
        if (rule.Kind is FaultKind.TlsName or FaultKind.TlsUnknownCa or FaultKind.TlsExpired or FaultKind.TlsAlert or FaultKind.TlsClientAlert)
        {
            CloseConnections(rule.Service);
        }

        Recorder.Note($"fault {id} on: {rule.Kind} {rule.Service} {rule.Route} {rule.Label} count={rule.Count?.ToString() ?? "unlimited"}");
        return id;
    }

    /// <summary>Changes what a label wants to see in requests: DER of CsrAttrs, base64; null = 204.</summary>
    public void SetCsrAttributes(string label, string? attributes) => _est.Attributes[label] = attributes;

    /// <summary>The EST server gets a next root: its cacerts tell of it from now on, while all is signed by the old one still.</summary>
    public RootRollover AnnounceRoot()
    {
        var rollover = Pki.AnnounceRoot(Clock.Now);
        Recorder.Note("rollover: the next root is announced");
        return rollover;
    }

    /// <summary>The next root takes over, for TLS and for what is issued, and nothing is said of the old one any more.</summary>
    public void SwitchRoot()
    {
        Pki.SwitchRoot(Clock.Now);
        _attestation.SetEnrolled(Pki.Issuing);
        _serverCertificates.Forget(SimulatorService.Est);
        CloseConnections(SimulatorService.Est);
        Recorder.Note("rollover: the next root is in use");
    }

    /// <summary>Replaces the CAs that a service accepts clients of: EST its bootstrap CAs, DPS its enrolled CAs, the hub its CAs.</summary>
    public void SetTrust(SimulatorService service, X509Certificate2Collection authorities)
    {
        switch (service)
        {
            case SimulatorService.Est:
                _estTrust.SetBootstrap(authorities);
                break;
            case SimulatorService.Dps:
                _attestation.SetEnrolled(authorities);
                break;
            default:
                _hubAuthenticator.SetAuthorities(authorities);
                break;
        }
    }

    public async ValueTask DisposeAsync()
    {
        File.Delete(PortsFile(_options.Data));
        CloseConnections();
        using (var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2)))
        {
            await _app.StopAsync(limit.Token);
        }

        await _app.DisposeAsync();
        Recorder.Note("stopped");
    }

    private WebApplication Build(out List<ListenOptions> listeners)
    {
        var made = new List<ListenOptions>();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(10);
            var address = IPAddress.Parse(_options.Bind);
            if (_options.Port is { } one)
            {
                kestrel.Listen(address, one, listen => Add(listen, null));
            }
            else
            {
                kestrel.Listen(address, _options.EstPort, listen => Add(listen, SimulatorService.Est));
                kestrel.Listen(address, _options.DpsPort, listen => Add(listen, SimulatorService.Dps));
                kestrel.Listen(address, _options.HubPort, listen => Add(listen, SimulatorService.Hub));
            }

            kestrel.Listen(IPAddress.Loopback, _options.ControlPort, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                _controlListener = listen;
            });
        });
        var app = builder.Build();
        app.Run(AnswerAsync);
        listeners = made;
        return app;

        void Add(ListenOptions listen, SimulatorService? service)
        {
            made.Add(listen);
            _tls.Configure(listen, service);
        }
    }

    private void KnowPorts()
    {
        // Kestrel writes the port that it was given into the listener's end point.
        var ports = _listeners.ConvertAll(l => l.IPEndPoint!.Port);
        Ports = Ports with { Est = ports[0], Dps = ports[ports.Count / 2], Hub = ports[^1], Control = _controlListener!.IPEndPoint!.Port };
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var items = http.Features.Get<IConnectionItemsFeature>()?.Items;
        if (items is null || !items.TryGetValue(ConnectionRecord.Key, out var found) || found is not ConnectionRecord connection)
        {
            await _control.HandleAsync(http);
            return;
        }

        if ((connection.Service ?? _tls.ByName(http.Request.Host.Host)) is not { } service)
        {
            http.Response.StatusCode = StatusCodes.Status421MisdirectedRequest;
            return;
        }

        service = Behind(service, http.Request);
        var http10Only = service == SimulatorService.Est && _options.Est.Quirks.Http10Answers;
        connection.AnswersAsHttp10 = http10Only || HttpProtocol.IsHttp10(http.Request.Protocol);
        if (http10Only)
        {
            http.Response.Headers.Connection = "close";
        }

        var exchange = new Exchange(http, service, connection, Faults, Clock);
        var started = Stopwatch.GetTimestamp();
        try
        {
            _services[service].Classify(exchange);
            if (!await exchange.FailedAtTheDoorAsync(_services[service]))
            {
                await _services[service].HandleAsync(exchange);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            exchange.Note ??= "the client went away";
        }
        catch (Exception e)
        {
            exchange.Note = "simulator's own mistake: " + e;
            if (!http.Response.HasStarted)
            {
                http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            }
        }
        finally
        {
            Recorder.Add(Describe(exchange, started));
        }
    }

    /// <summary>A gateway has one name for DPS and hub; the path tells them apart.</summary>
    private SimulatorService Behind(SimulatorService service, HttpRequest request)
        => service == SimulatorService.Hub
            && _options.GatewayHosts.Contains(request.Host.Host, StringComparer.OrdinalIgnoreCase)
            && request.Path.Value?.Split('/') is [_, _, "registrations", ..]
                ? SimulatorService.Dps
                : service;

    private RequestRecord Describe(Exchange exchange, long started) => new()
    {
        Time = Clock.Now,
        Service = exchange.Service,
        Route = exchange.Route,
        Label = exchange.Label,
        Method = exchange.Request.Method,
        Path = exchange.Request.Path.Value ?? "",
        Status = exchange.WasReset ? 0 : exchange.Http.Response.StatusCode,
        Milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds,
        Client = exchange.Client?.Leaf.Subject,
        ClientThumbprint = exchange.Client?.Leaf.Thumbprint,
        Credential = exchange.Credential,
        Note = exchange.Note,
        Fault = exchange.Fault,
        Connection = exchange.Connection.Id,
        Protocol = exchange.Request.Protocol,
        Resumed = exchange.Connection.Resumed,
    };
}
