namespace EstProv.Simulator;

/// <summary>The ports listened on, as in DIR/ports.json.</summary>
public sealed record SimulatorPorts
{
    public required int Est { get; init; }

    public required int Dps { get; init; }

    public required int Hub { get; init; }

    public required int Control { get; init; }

    public required int Pid { get; init; }
}
