using System.Diagnostics;

namespace EstProv.Identity.Tests.Support;

/// <summary>
/// A clock that nobody waits for: when something waits, time jumps to the end of the wait. Odd frequency, to catch assumptions. Waits that
/// <see cref="Hold"/> picks stay until <see cref="Release"/>.
/// </summary>
internal sealed class JumpTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Held> _held = [];
    private DateTimeOffset _now;
    private TimeSpan _passed;

    public JumpTime(DateTimeOffset start) => _now = start;

    public List<TimeSpan> Waits { get; } = [];

    public Func<TimeSpan, bool> Hold { get; set; } = static _ => false;

    public override long TimestampFrequency => 1_234_577;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate) return _now;
    }

    public override long GetTimestamp()
    {
        lock (_gate) return (long)(_passed.TotalSeconds * TimestampFrequency);
    }

    public void Advance(TimeSpan by)
    {
        lock (_gate) Pass(by);
    }

    public void Set(DateTimeOffset now)
    {
        lock (_gate) _now = now;
    }

    /// <summary>Ends the waits that are held.</summary>
    public void Release()
    {
        List<Held> due;
        lock (_gate)
        {
            due = [.. _held];
            _held.Clear();
        }

        foreach (var held in due)
        {
            Advance(held.Wait);
            held.Fire();
        }
    }

    public bool IsHolding
    {
        get
        {
            lock (_gate) return _held.Count > 0;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Debug.Assert(period == Timeout.InfiniteTimeSpan);
        var timer = new Held(this, callback, state, dueTime);
        if (dueTime == Timeout.InfiniteTimeSpan) return timer;
        lock (_gate)
        {
            Waits.Add(dueTime);
            if (Hold(dueTime))
            {
                _held.Add(timer);
                return timer;
            }

            Pass(dueTime);
        }

        ThreadPool.QueueUserWorkItem(static held => ((Held)held!).Fire(), timer);
        return timer;
    }

    private void Pass(TimeSpan by)
    {
        _now += by;
        _passed += by;
    }

    private sealed class Held(JumpTime owner, TimerCallback callback, object? state, TimeSpan wait) : ITimer
    {
        private bool _over;

        public TimeSpan Wait => wait;

        public void Fire()
        {
            lock (this)
            {
                if (_over) return;
                _over = true;
            }

            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
            lock (this) _over = true;
            lock (owner._gate) owner._held.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
