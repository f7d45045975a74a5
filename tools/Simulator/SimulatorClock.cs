namespace EstProv.Simulator;

/// <summary>The simulator's own time: the provider's, moved by what the control plane asked.</summary>
public sealed class SimulatorClock(TimeProvider time)
{
    private long _offsetTicks;

    /// <summary>Added to the provider's time.</summary>
    public TimeSpan Offset
    {
        get => TimeSpan.FromTicks(Interlocked.Read(ref _offsetTicks));
        set => Interlocked.Exchange(ref _offsetTicks, value.Ticks);
    }

    public DateTimeOffset Now => time.GetUtcNow() + Offset;
}
