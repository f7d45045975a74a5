using EstProv.Configuration.Certd;

namespace EstProv.Certificates.Renewal;

/// <summary>
/// When a certificate is renewed, as functions of times alone: no clock, no state, no chance. What <c>./build.sh fleet</c> reckons with for a million
/// devices is this very code.
/// </summary>
/// <param name="From">Where the window of the first try begins: a share of the life, or a time before expiry.</param>
/// <param name="Until">Where it ends.</param>
/// <param name="Retry">The longest gap between two tries.</param>
internal sealed record RenewalPolicy(LifetimeSpan From, LifetimeSpan Until, LifetimeSpan Retry)
{
    /// <summary>No window begins earlier: what is renewed as soon as it is issued is renewed for ever.</summary>
    private const double EarliestShare = 0.1;

    /// <summary>By so much each gap is longer than the one before: a server that is away for a week is asked five times on the first day, not fifty.</summary>
    private const double Growth = 4;

    /// <summary>Ten years: longer than any gap, and no time overflows.</summary>
    private const int MostGrowth = 10;

    private const double Jitter = 0.2;

    private static readonly TimeSpan FirstGap = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestGapWhenExpired = TimeSpan.FromMinutes(30);

    /// <summary>
    /// The busiest hour of 100,000 devices of 90 days that were made together stays under 0.05 tries a second by the width, four tenths, and by the place: the second
    /// round begins at twice the share where the window begins, so 35 to 75 % meets little of the first round, where 30 to 70 % meets enough to reach 0.052. The gap
    /// of a day keeps it under 0.5 after an outage of a week, and a quarter of the life is left for what nobody foresaw.
    /// </summary>
    public static readonly RenewalPolicy Default = new(LifetimeSpan.OfShare(0.35), LifetimeSpan.OfShare(0.75), LifetimeSpan.OfTime(TimeSpan.FromDays(1)));

    public static RenewalPolicy Of(RenewalSettings? settings) => settings is null
        ? Default
        : new RenewalPolicy(settings.From ?? Default.From, settings.Until ?? Default.Until, settings.Retry ?? Default.Retry);

    /// <summary>
    /// The first try, at the certificate's own point of the window. Counted from the issue and not from <paramref name="notBefore"/> alone: an issuer that hands out
    /// what is nearly over would otherwise be asked again at once, for ever.
    /// </summary>
    /// <param name="spread">The certificate's own random number in [0, 1).</param>
    public DateTimeOffset FirstTry(DateTimeOffset notBefore, DateTimeOffset notAfter, DateTimeOffset issuedAt, double spread)
    {
        var start = issuedAt > notBefore && issuedAt < notAfter ? issuedAt : notBefore;
        var left = notAfter - start;
        if (left <= TimeSpan.Zero) return notAfter;

        var (from, until) = (After(From, left), After(Until, left));
        // Of a window by per cent on one side and by time on the other, only this life tells which side is first.
        if (from > until) (from, until) = (until, from);
        // A certificate of a week has no room for '30 days before expiry'.
        if (until <= left * EarliestShare) (from, until) = (After(Default.From, left), After(Default.Until, left));
        if (from < left * EarliestShare) from = left * EarliestShare;

        var due = start + from + (until - from) * spread;
        var earliest = start + Floor(left);
        return due > earliest ? due : earliest;
    }

    /// <summary>
    /// The gap after the given number of failed tries: from five minutes to <see cref="Retry"/>, each four times the one before, but never longer than a tenth of what is left
    /// before expiry, so that tries come closer together as the end nears; after expiry it goes on, half an hour apart at most. Never shorter than the floor.
    /// </summary>
    /// <param name="jitter">Random in [0, 1): spreads the gap by ±20 %, so that those who failed together do not come back together.</param>
    /// <param name="retryAfter">
    /// What the server asked for: obeyed, and up to as long again, since it may have asked everybody for the same moment; but up to a quarter of what is left only. Patience
    /// ends where the certificate would.
    /// </param>
    public TimeSpan RetryGap(int failures, TimeSpan left, TimeSpan lifetime, double jitter, TimeSpan retryAfter = default)
    {
        var gap = FirstGap * Math.Pow(Growth, Math.Clamp(failures - 1, 0, MostGrowth));
        gap = Shorter(gap, Retry.Of(lifetime));
        gap = Shorter(gap, left > TimeSpan.Zero ? left / 10 : LongestGapWhenExpired);
        if (left > TimeSpan.Zero) retryAfter = Shorter(retryAfter, left / 4);
        var patience = AttemptGap.Patience(retryAfter, left > TimeSpan.Zero ? Longer(gap, retryAfter) : gap, jitter);
        return Longer(Longer(gap * (1 - Jitter + 2 * Jitter * jitter), patience), Floor(lifetime));
    }

    /// <summary>No two tries come closer together: a minute, less only for certificates of under 100 minutes, and never under a second.</summary>
    public static TimeSpan Floor(TimeSpan lifetime) => Longer(TimeSpan.FromSeconds(1), Shorter(TimeSpan.FromMinutes(1), lifetime / 100));

    /// <summary>A share counts from the start, a time back from the end.</summary>
    private static TimeSpan After(LifetimeSpan point, TimeSpan left) =>
        point.Share is { } share ? left * share : Longer(left - point.Time, TimeSpan.Zero);

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
