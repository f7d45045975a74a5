using EstProv.Simulator.Dps;
using EstProv.Simulator.Est;

namespace EstProv.Simulator;

/// <summary>Everything the simulator can be told at its start; a JSON file of the same names is read by <c>--options</c>.</summary>
public sealed record SimulatorOptions
{
    /// <summary>Folder of the PKI and the state; made when absent.</summary>
    public required string Data { get; init; }

    /// <summary>Address that the services listen on.</summary>
    public string Bind { get; init; } = "127.0.0.1";

    /// <summary>One port for EST, DPS and hub, told apart by the server name of the TLS handshake; null = a port each.</summary>
    public int? Port { get; init; }

    public int EstPort { get; init; }

    public int DpsPort { get; init; }

    public int HubPort { get; init; }

    /// <summary>Port of the control plane (plain HTTP, always on 127.0.0.1).</summary>
    public int ControlPort { get; init; }

    public string EstHost { get; init; } = "estendpoint.com";

    public string DpsHost { get; init; } = "global.azure-devices-provisioning.net";

    /// <summary>Names of the hubs; devices are assigned to the first.</summary>
    public IReadOnlyList<string> HubHosts { get; init; } = ["estprov-hub.azure-devices.net"];

    /// <summary>What DPS answers as assignedHub; null = the first hub's name, <c>auto</c> = localhost with the hub's port.</summary>
    public string? AssignedHub { get; init; }

    /// <summary>Names of gateways: who connects to one reaches the hub of the device, and DPS by the path (nested devices).</summary>
    public IReadOnlyList<string> GatewayHosts { get; init; } = [];

    public string ScopeId { get; init; } = "0ne00SIMULA";

    /// <summary>How many polls of an operation answer 'assigning' before the result.</summary>
    public int AssigningPolls { get; init; } = 1;

    /// <summary>Retry-After of DPS in seconds.</summary>
    public int RetryAfter { get; init; } = 1;

    /// <summary>Quotas of DPS; none by default.</summary>
    public DpsLimits DpsLimits { get; init; } = new();

    /// <summary>Enrolments of DPS beside those that DIR/enrollments.json has.</summary>
    public IReadOnlyList<DpsEnrollment> Enrollments { get; init; } = [];

    /// <summary>How the hub knows a device that DPS has assigned: by its certificate's thumbprint, as the real one, or by its CA.</summary>
    public HubAuthentication HubAuthentication { get; init; } = HubAuthentication.Thumbprint;

    /// <summary>Validity of issued certificates in seconds; null = 90 days, for CA certificates a year.</summary>
    public long? Validity { get; init; }

    /// <summary>Keys of the simulator's own CAs and servers.</summary>
    public KeyKind KeyKind { get; init; } = KeyKind.Ec;

    public EstOptions Est { get; init; } = new();

    /// <summary>Receives one line per request and event; null = silent.</summary>
    public Action<string>? Log { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;
}

public enum HubAuthentication
{
    Thumbprint,
    Ca,
}

public enum KeyKind
{
    Ec,
    Rsa,
}
