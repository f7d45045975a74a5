namespace EstProv.Keys.Tests.ReturnValues;

/// <summary>A clock that runs as the real one, but for waits: they are over at once, and the clock has gone on by their length, or by more on a slow machine.</summary>
internal sealed class SkippingTime(double slowness) : TimeProvider
{
    private long _skipped;

    public override long GetTimestamp() => base.GetTimestamp() + Volatile.Read(ref _skipped);

    public void Skip(TimeSpan time) => Interlocked.Add(ref _skipped, (long)(time.TotalSeconds * TimestampFrequency));

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Skip(dueTime * slowness);
        ThreadPool.UnsafeQueueUserWorkItem(_ => callback(state), null);
        return new Passed();
    }

    private sealed class Passed : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
