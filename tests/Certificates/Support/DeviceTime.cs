using Microsoft.Extensions.Time.Testing;

namespace EstProv.Certificates.Tests.Support;

/// <summary>A device's time: it passes as everybody's does, but the clock on the wall may be set.</summary>
internal sealed class DeviceTime(FakeTimeProvider real) : TimeProvider
{
    private TimeSpan _offset;

    public override long TimestampFrequency => real.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => real.GetUtcNow() + _offset;

    public override long GetTimestamp() => real.GetTimestamp();

    /// <summary>How many timers have been set.</summary>
    public int Timers { get; private set; }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timers++;
        return real.CreateTimer(callback, state, dueTime, period);
    }

    public void Advance(TimeSpan time) => real.Advance(time);

    public void SetClock(DateTimeOffset now) => _offset = now - real.GetUtcNow();
}
