namespace EstProv.Keys.Tests.ReturnValues;

/// <summary>A clock that only goes on by waits, which are over at once: by their length, or by more as on a slow machine. How slow the real one is makes no difference.</summary>
internal sealed class SkippingTime(double slowness) : TimeProvider
{
    private long _now = 1;

    public override long GetTimestamp() => Volatile.Read(ref _now);

    public void Skip(TimeSpan time) => Interlocked.Add(ref _now, (long)(time.TotalSeconds * TimestampFrequency));

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
