using System.Net.Http.Headers;

namespace EstProv.Identity.Dps;

/// <summary>RFC 9110 section 10.2.3: seconds or a date.</summary>
internal static class RetryAfter
{
    /// <summary>Nobody can put a device to sleep for longer than this by one header.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <summary>Null when the answer asks for nothing. A date is taken relative to the answer's own Date, so that the device's clock does not matter.</summary>
    public static TimeSpan? Of(HttpResponseHeaders headers, DateTimeOffset now)
    {
        var asked = headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - (headers.Date ?? now),
            _ => (TimeSpan?)null,
        };
        if (asked is not { } wait) return null;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > Longest ? Longest : wait;
    }
}
