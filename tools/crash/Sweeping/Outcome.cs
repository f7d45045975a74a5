namespace EstProv.Crash.Sweeping;

/// <summary>What became of a device.</summary>
/// <param name="Way">In which state it was left: <c>killed</c> with all that had been written, or one of cut's images.</param>
/// <param name="Fault">Null: it survived.</param>
internal sealed record Outcome(Point Point, string Way, string Where, string? Fault);
