using EstProv.Platform.Time;

namespace EstProv.Certificates.Renewal;

/// <summary>
/// How long after a failed attempt the next one begins, as functions of times alone. The engine waits by them, and <c>./build.sh fleet</c> reckons with them.
/// </summary>
internal static class AttemptGap
{
    public static readonly TimeSpan FirstIssueFirst = TimeSpan.FromSeconds(1.5), FirstIssueLongest = TimeSpan.FromMinutes(5);

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

    /// <summary>Of what has none yet: <see cref="Backoff"/>'s gap.</summary>
    /// <inheritdoc cref="OfRenewal"/>
    public static TimeSpan OfFirstIssue(int failures, double jitter, TimeSpan? retryAfter)
    {
        var (gap, asked) = (Backoff.Gap(failures, FirstIssueFirst, FirstIssueLongest, jitter), Asked(retryAfter));
        return asked > gap ? asked : gap;
    }

    private static TimeSpan Asked(TimeSpan? retryAfter) =>
        retryAfter is not { } asked || asked < TimeSpan.Zero ? TimeSpan.Zero : asked < LongestRetryAfter ? asked : LongestRetryAfter;
}
