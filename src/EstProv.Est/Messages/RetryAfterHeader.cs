using System.Net.Http.Headers;

namespace EstProv.Est.Messages;

/// <summary>Retry-After (RFC 9110 section 10.2.3): seconds, or a date.</summary>
internal static class RetryAfterHeader
{
    /// <summary>RFC 7030 asks for the header in a 202; a server that leaves it out is asked again after this.</summary>
    public static readonly TimeSpan WhenMissing = TimeSpan.FromMinutes(5);

    /// <summary>A mistaken server must not stop a device's renewal for ever.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <param name="value">The header.</param>
    /// <param name="serverTime">The answer's Date: a date is the server's, so it is measured by the server's own clock.</param>
    /// <param name="ourTime">Where there is no Date.</param>
    public static TimeSpan? Read(RetryConditionHeaderValue? value, DateTimeOffset? serverTime, DateTimeOffset ourTime)
    {
        if ((value?.Delta ?? (value?.Date - (serverTime ?? ourTime))) is not { } wait) return null;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > Longest ? Longest : wait;
    }
}
