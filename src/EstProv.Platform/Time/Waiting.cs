namespace EstProv.Platform.Time;

/// <summary>Waits by the clock of a <see cref="TimeProvider"/>, so that a test need not wait where the product has to.</summary>
public static class Waiting
{
    /// <summary>As <see cref="Monitor.Wait(object, TimeSpan)"/>: until the gate is pulsed or the time is over. Whoever else waits at the gate may be woken by its end.</summary>
    /// <param name="gate">Held by the caller.</param>
    public static void At(object gate, TimeSpan longest, TimeProvider time)
    {
        // A timer of the system's own clock would cost a daemon its thread.
        if (time == TimeProvider.System)
        {
            Monitor.Wait(gate, longest);
            return;
        }

        // It can only pulse when the gate is let go, and so not too early.
        using var timer = time.CreateTimer(static gate =>
        {
            lock (gate!) Monitor.PulseAll(gate);
        }, gate, longest, Timeout.InfiniteTimeSpan);
        Monitor.Wait(gate);
    }

    /// <summary>As <see cref="Thread.Sleep(TimeSpan)"/>.</summary>
    public static void For(TimeSpan length, TimeProvider time)
    {
        var gate = new object();
        lock (gate) At(gate, length, time);
    }
}
