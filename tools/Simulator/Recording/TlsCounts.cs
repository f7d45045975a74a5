namespace EstProv.Simulator.Recording;

/// <summary>Handshakes of one service.</summary>
public sealed record TlsCounts
{
    public int Full { get; init; }

    public int Resumed { get; init; }

    public int Failed { get; init; }
}
