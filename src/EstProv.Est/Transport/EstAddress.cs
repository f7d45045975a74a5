using EstProv.Platform;

namespace EstProv.Est.Transport;

/// <summary>Base URLs (RFC 7030 section 3.2.2).</summary>
internal static class EstAddress
{
    private static readonly string[] Operations = ["cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs"];

    /// <returns>The URL without a slash at its end.</returns>
    /// <exception cref="ProblemException"><c>est_bad_url</c>.</exception>
    public static string Check(Uri url)
    {
        if (url.IsAbsoluteUri && url.UserInfo.Length > 0)
        {
            // Not shown: it may be a password.
            throw new ProblemException("est_bad_url", $"the URL of the EST server '{url.Host}' holds a user name, or a password",
                "write them where they belong (username and password_file; of a command, --user and --password-file), and the URL as https://host[:port]/.well-known/est[/label]", 400);
        }

        if (!url.IsAbsoluteUri || url.Scheme != Uri.UriSchemeHttps || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            throw new ProblemException("est_bad_url", $"'{url}' is no base URL of an EST server",
                "write https://host[:port]/.well-known/est[/label], without query or fragment", 400);
        }

        var path = url.GetLeftPart(UriPartial.Path).TrimEnd('/');
        var last = path[(path.LastIndexOf('/') + 1)..];
        if (last.Equals("fullcmc", StringComparison.OrdinalIgnoreCase))
        {
            throw new ProblemException("est_full_cmc", $"'{url}' asks for full CMC (RFC 7030 section 4.3), which is not spoken",
                "leave out '/fullcmc': simpleenroll and simplereenroll are used", 400);
        }

        if (Array.Exists(Operations, operation => operation.Equals(last, StringComparison.OrdinalIgnoreCase)))
        {
            throw new ProblemException("est_bad_url", $"'{url}' ends in the operation's name '{last}', which is no label",
                $"leave out '/{last}' (RFC 7030 section 3.2.2)", 400);
        }

        return path;
    }
}
