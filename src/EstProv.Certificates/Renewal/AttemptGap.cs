using EstProv.Platform.Time;

namespace EstProv.Certificates.Renewal;

/// <summary>
/// How long after a failed attempt the next one begins, as functions of times alone. The engine waits by them, and <c>./build.sh fleet</c> reckons with them.
/// </summary>
internal static class AttemptGap
{
    /// <summary>After so many failures at a first issue, which take an hour, the longest gap grows with their number: that is with the root of the time.</summary>
    private const double FailuresOfAnHour = 20;

    private static readonly TimeSpan FirstGap = TimeSpan.FromSeconds(1.5), LongestAtFirst = TimeSpan.FromMinutes(5), LongestAtLast = TimeSpan.FromHours(1);

    /// <summary>A mistaken server must not stop a device for ever.</summary>
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromDays(1);

    /// <summary>Of what has a certificate in use.</summary>
    /// <param name="failures">Failed attempts so far, this one counted.</param>
    /// <param name="now">The believed time.</param>
    /// <param name="jitter">Random in [0, 1).</param>
    /// <param name="retryAfter">What the server asked for; null where it asked for nothing.</param>
    public static TimeSpan OfRenewal(
        RenewalPolicy policy, int failures, DateTimeOffset notBefore, DateTimeOffset notAfter, DateTimeOffset now, double jitter, TimeSpan? retryAfter) =>
        policy.RetryGap(failures, notAfter - now, notAfter - notBefore, jitter, Asked(retryAfter));

    /// <summary>
    /// Of what has none yet: <see cref="Backoff"/>'s gap, from 1.5 s to five minutes. Where nothing comes for hours it grows on, to half an hour after a day and to an hour at last: a
    /// million devices that ask every five minutes are three thousand handshakes a second, by which a server that comes back is down again.
    /// </summary>
    /// <inheritdoc cref="OfRenewal"/>
    public static TimeSpan OfFirstIssue(int failures, double jitter, TimeSpan? retryAfter)
    {
        var longest = LongestAtFirst * Math.Clamp(failures / FailuresOfAnHour, 1, LongestAtLast / LongestAtFirst);
        var (gap, asked) = (Backoff.Gap(failures, FirstGap, longest, jitter), Asked(retryAfter));
        var spread = asked < LongestAtLast ? asked : LongestAtLast;
        var patience = Patience(asked, spread > gap ? spread : gap, jitter);
        return patience > gap ? patience : gap;
    }

    /// <summary>
    /// What a server asked for, spread: a Retry-After that is a date brings everybody who reads it to the door in the same second. Late rather than early, since those who asked
    /// last were told the shortest waits and would be a crowd by themselves.
    /// </summary>
    /// <returns>From <paramref name="asked"/> to <paramref name="spread"/> longer; zero where nothing was asked for.</returns>
    public static TimeSpan Patience(TimeSpan asked, TimeSpan spread, double jitter) => asked > TimeSpan.Zero ? asked + spread * Math.Sqrt(jitter) : TimeSpan.Zero;

    private static TimeSpan Asked(TimeSpan? retryAfter) =>
        retryAfter is not { } asked || asked < TimeSpan.Zero ? TimeSpan.Zero : asked < LongestRetryAfter ? asked : LongestRetryAfter;
}
