using EstProv.Est.Messages;

namespace EstProv.Est.Transport;

/// <summary>The way of one GET through redirects (RFC 7030 section 3.2.1). Also to other servers: each is verified by its own connection and its own name.</summary>
internal sealed class Redirects(Uri start)
{
    public const int Most = 5;

    private readonly HashSet<Uri> _seen = [start];

    public static bool IsOne(EstReply reply) => reply.Status is 301 or 302 or 303 or 307 or 308 && reply.Location is not null;

    /// <returns>Where to; null with <paramref name="refusal"/> when it is not followed.</returns>
    public Uri? Target(EstReply reply, out RedirectRefusal? refusal)
    {
        refusal = null;
        var isUrl = Uri.TryCreate(reply.Url, reply.Location, out var target) && target.Scheme == Uri.UriSchemeHttps && target.UserInfo.Length == 0;
        if (!isUrl) refusal = RedirectRefusal.NoUrl;
        else if (!_seen.Add(target!)) refusal = RedirectRefusal.Circle;
        else if (_seen.Count > Most + 1) refusal = RedirectRefusal.TooMany(Most);
        return refusal is null ? target : null;
    }

    public static bool IsSameOrigin(Uri one, Uri other) =>
        one.Scheme == other.Scheme && one.Port == other.Port && string.Equals(one.IdnHost, other.IdnHost, StringComparison.OrdinalIgnoreCase);
}
