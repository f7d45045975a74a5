namespace EstProv.Fleet.Simulation;

internal enum Answer
{
    Issued,

    /// <summary>503 with Retry-After: it has too much to do.</summary>
    Busy,

    /// <summary>503 with Retry-After: it is being worked on.</summary>
    Closed,

    None,
}

/// <summary>
/// An EST server that can issue so many certificates a second, and answers 503 beyond. Only enrolments count: they are what its CA signs, <c>cacerts</c> and <c>csrattrs</c> are
/// the same bytes for everybody.
/// </summary>
/// <param name="capacity">Answers a second; as many may come at once.</param>
internal sealed class EstServerModel(double capacity, TimeSpan retryAfter, IReadOnlyList<Outage> outages)
{
    private const double MillisecondsPerSecond = 1000;

    private double _used;
    private long _seen;

    /// <param name="now">Milliseconds; never less than the time before.</param>
    public (Answer Answer, TimeSpan? RetryAfter) Ask(long now)
    {
        foreach (var outage in outages)
        {
            var time = TimeSpan.FromMilliseconds(now);
            if (!outage.Covers(time)) continue;
            return outage.Kind == OutageKind.Maintenance ? (Answer.Closed, outage.Until - time) : (Answer.None, null);
        }

        _used = Math.Max(0, _used - (now - _seen) * capacity / MillisecondsPerSecond);
        _seen = now;
        if (_used + 1 > capacity) return (Answer.Busy, retryAfter);
        _used++;
        return (Answer.Issued, null);
    }
}
