using EstProv.Configuration.Schema;

namespace EstProv.Configuration;

/// <summary>URLs of EST servers: RFC 7030, section 3.2.2.</summary>
internal static class EstUrl
{
    private const string WellKnown = "/.well-known/est";

    private static readonly string[] Operations = ["cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs"];

    /// <summary>Parses an https URL without query and fragment.</summary>
    /// <returns>What is wrong, else null.</returns>
    public static Fault? ParseHttps(string value, out Uri? url)
    {
        url = null;
        if (value.AsSpan().ContainsAny(" \t<>")) return new Fault("is not a URL");
        if (!Uri.TryCreate(value, UriKind.Absolute, out var parsed)) return new Fault("is not a URL");
        if (parsed.Scheme == Uri.UriSchemeHttp) return new Fault("is not https", "keys and certificates go over TLS only: write https://");
        if (parsed.Scheme != Uri.UriSchemeHttps) return new Fault("is not https", "write https://host/…");
        if (parsed.Host.Length == 0) return new Fault("names no host");
        if (parsed.UserInfo.Length > 0) return new Fault("has a user name in it", "use username and password_file of [cert_issuance.est]");
        if (value.Contains('?')) return new Fault("has a query", "leave out the ? and what follows");
        if (value.Contains('#')) return new Fault("has a fragment", "leave out the # and what follows");
        url = parsed;
        return null;
    }

    /// <summary>Parses the URL of an EST server or of its enrolment, and takes <c>/simpleenroll</c> or <c>/simplereenroll</c> off.</summary>
    /// <returns>What is wrong, else null.</returns>
    public static Fault? Parse(string value, out Uri? baseUrl)
    {
        baseUrl = null;
        if (ParseHttps(value, out var url) is { } fault) return fault;
        var path = url!.AbsolutePath.TrimEnd('/');
        if (path.EndsWith("/simpleenroll", StringComparison.Ordinal)) path = path[..^"/simpleenroll".Length];
        else if (path.EndsWith("/simplereenroll", StringComparison.Ordinal)) path = path[..^"/simplereenroll".Length];

        var label = path[(path.LastIndexOf('/') + 1)..];
        if (Array.IndexOf(Operations, label) >= 0)
        {
            return new Fault(label == "fullcmc" ? "asks for full CMC, which is not spoken" : $"ends in the operation {label} where a label may stand",
                "give the URL up to the label, or with /simpleenroll (RFC 7030, section 3.2.2)");
        }

        if (path.Length == 0) return new Fault("has no path", $"EST servers answer below https://host{WellKnown} (RFC 7030)");
        baseUrl = new UriBuilder(url) { Path = path }.Uri;
        return null;
    }

    /// <summary>Whether a base URL is one that RFC 7030 gives to servers.</summary>
    public static bool IsWellKnown(Uri baseUrl) =>
        baseUrl.AbsolutePath == WellKnown || baseUrl.AbsolutePath.StartsWith(WellKnown + "/", StringComparison.Ordinal);
}
