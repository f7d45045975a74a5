using EstProv.Est.Messages;

namespace EstProv.Est.Transport;

/// <summary>Which redirects of a GET are followed (RFC 7030 section 3.2.1).</summary>
internal static class Redirects
{
    /// <returns>Where to, within the same origin; null when the reply is to be taken as it is.</returns>
    public static Uri? Target(EstReply reply)
    {
        if (reply.Status is not (301 or 302 or 303 or 307 or 308) || reply.Location is null) return null;
        return Uri.TryCreate(reply.Url, reply.Location, out var target) && target.UserInfo.Length == 0 && IsSameOrigin(target, reply.Url)
            ? target
            : null;
    }

    private static bool IsSameOrigin(Uri one, Uri other) =>
        one.Scheme == other.Scheme && one.Port == other.Port && string.Equals(one.IdnHost, other.IdnHost, StringComparison.OrdinalIgnoreCase);
}
