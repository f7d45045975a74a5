namespace EstProv.Certificates.Renewal;

/// <summary>When a certificate is renewed, as functions of times alone: no clock, no state, no chance.</summary>
internal static class RenewalPolicy
{
    private const double WindowStart = 0.6;
    private const double WindowWidth = 0.2;

    private static readonly TimeSpan FirstGap = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestGap = TimeSpan.FromHours(6);
    private static readonly TimeSpan LongestGapWhenExpired = TimeSpan.FromMinutes(30);

    /// <summary>
    /// The first try: at 60–80 % of the time that the certificate had left when it was issued, at its own point of the window. Counted from the issue
    /// and not from <paramref name="notBefore"/> alone: an issuer that hands out what is nearly over would otherwise be asked again at once, for ever.
    /// </summary>
    /// <param name="spread">The certificate's own random number in [0, 1).</param>
    public static DateTimeOffset FirstTry(DateTimeOffset notBefore, DateTimeOffset notAfter, DateTimeOffset issuedAt, double spread)
    {
        var start = issuedAt > notBefore && issuedAt < notAfter ? issuedAt : notBefore;
        var left = notAfter - start;
        if (left <= TimeSpan.Zero) return notAfter;
        var due = start + left * (WindowStart + WindowWidth * spread);
        var earliest = start + Floor(left);
        return due > earliest ? due : earliest;
    }

    /// <summary>
    /// The gap after the given number of failed tries: doubles from half a minute to six hours, but is never longer than a tenth of what is left
    /// before expiry, so that tries come closer together as the end nears; after expiry it goes on, half an hour apart at most. Never shorter than the floor.
    /// </summary>
    /// <param name="jitter">Random in [0, 1): spreads the gap by ±20 %.</param>
    public static TimeSpan RetryGap(int failures, TimeSpan left, TimeSpan lifetime, double jitter)
    {
        var gap = FirstGap * Math.Pow(2, Math.Clamp(failures - 1, 0, 20));
        if (gap > LongestGap) gap = LongestGap;
        var bound = left > TimeSpan.Zero ? left / 10 : LongestGapWhenExpired;
        if (gap > bound) gap = bound;
        gap *= 0.8 + 0.4 * jitter;
        var floor = Floor(lifetime);
        return gap > floor ? gap : floor;
    }

    /// <summary>No two tries come closer together: a minute, less only for certificates of under 100 minutes, and never under a second.</summary>
    public static TimeSpan Floor(TimeSpan lifetime)
    {
        var share = lifetime / 100;
        if (share > TimeSpan.FromMinutes(1)) return TimeSpan.FromMinutes(1);
        return share < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : share;
    }
}
