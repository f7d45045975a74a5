namespace EstProv.Platform.Time;

/// <summary>Growing gaps between attempts, with jitter so that devices which failed together do not come back together.</summary>
public sealed class Backoff(TimeSpan first, TimeSpan longest, Random random)
{
    private int _failures;

    /// <summary>How many attempts have failed since the last success.</summary>
    public int Failures => _failures;

    public void Reset() => _failures = 0;

    /// <summary>
    /// The gap before the next attempt: doubles from <c>first</c> to <c>longest</c>, spread over ±20 %, and never shorter than what the
    /// other side asked for.
    /// </summary>
    public TimeSpan Next(TimeSpan? retryAfter = null)
    {
        var exponent = Math.Min(_failures++, 30);
        var gap = TimeSpan.FromTicks(Math.Min(longest.Ticks, first.Ticks * (1L << exponent) is var grown and > 0 ? grown : longest.Ticks));
        gap *= 0.8 + 0.4 * random.NextDouble();
        return retryAfter is { } asked && asked > gap ? asked : gap;
    }
}
