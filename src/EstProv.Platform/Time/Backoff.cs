namespace EstProv.Platform.Time;

/// <summary>Growing gaps between attempts, with jitter so that devices which failed together do not come back together.</summary>
public sealed class Backoff(TimeSpan first, TimeSpan longest, Random random)
{
    private const int MostDoublings = 30;
    private const double Jitter = 0.2;

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
        var gap = Gap(++_failures, first, longest, random.NextDouble());
        return retryAfter is { } asked && asked > gap ? asked : gap;
    }

    /// <summary>The gap after so many failures (1 for the first), as a function: no clock, no state, no chance.</summary>
    /// <param name="jitter">Random in [0, 1): spreads the gap by ±20 %.</param>
    public static TimeSpan Gap(int failures, TimeSpan first, TimeSpan longest, double jitter)
    {
        var exponent = Math.Clamp(failures - 1, 0, MostDoublings);
        var gap = TimeSpan.FromTicks(Math.Min(longest.Ticks, first.Ticks * (1L << exponent) is var grown and > 0 ? grown : longest.Ticks));
        return gap * (1 - Jitter + 2 * Jitter * jitter);
    }
}
