using EstProv.Simulator.Dps;
using EstProv.Simulator.Hub;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Control;

/// <summary>Answer of <c>GET /state</c>.</summary>
internal sealed record ControlState
{
    public required DateTimeOffset Now { get; init; }

    public required SimulatorPorts Ports { get; init; }

    /// <summary>Number of the newest request, for <c>GET /requests?after=</c>.</summary>
    public required long Next { get; init; }

    /// <summary>Requests by <c>service route[/label] status</c>.</summary>
    public required IReadOnlyDictionary<string, int> Requests { get; init; }

    public required IReadOnlyDictionary<string, int> Clients { get; init; }

    public required IReadOnlyDictionary<string, ControlTls> Tls { get; init; }

    public required IReadOnlyList<IssuedRecord> Issued { get; init; }

    public required IReadOnlyDictionary<string, int> Pending { get; init; }

    public required IReadOnlyList<DpsRegistration> Registrations { get; init; }

    public required IReadOnlyList<HubDevice> Devices { get; init; }

    public static ControlState Of(SimulatorHost host) => new()
    {
        Now = host.Clock.Now,
        Ports = host.Ports,
        Next = host.Recorder.Last,
        Requests = host.Recorder.Routes,
        Clients = host.Recorder.Clients,
        Tls = Enum.GetValues<SimulatorService>().ToDictionary(Recording.Recorder.Name, service => ControlTls.Of(host, service), StringComparer.Ordinal),
        Issued = host.Issuer.Records,
        Pending = host.PendingRequests,
        Registrations = host.Registrations.All,
        Devices = host.Devices.All,
    };
}

internal sealed record ControlTls(int Full, int Resumed, int Failed, int Open)
{
    public static ControlTls Of(SimulatorHost host, SimulatorService service)
    {
        var counts = host.Handshakes(service);
        return new ControlTls(counts.Full, counts.Resumed, counts.Failed, host.OpenConnections(service));
    }
}
