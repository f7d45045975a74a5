using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Api;

/// <summary>
/// Who may have certificates issued, imported and deleted; reading needs no right. Without being listed only identityd's user may, everything but naming
/// an issuer. uid 0 is nobody special.
/// </summary>
internal sealed class CertificateRights(IReadOnlyList<CertificatePrincipal> principals, uint identitydUid)
{
    public bool IsIdentityd(uint uid) => uid == identitydUid;

    /// <exception cref="ProblemException"><c>forbidden</c> 401.</exception>
    public void DemandCertificate(uint uid, string id)
    {
        if (uid == identitydUid) return;
        foreach (var principal in principals)
        {
            if (principal.Uid == uid && MatchesAny(principal.Certs, id)) return;
        }

        throw Forbidden($"user {uid} is not authorized to access the certificate {id}", uid, $"certs = [\"{id}\"]");
    }

    /// <summary>The right to a CA's certificate is the right to have its key used for a request: certd asks keyd in its own name.</summary>
    /// <exception cref="ProblemException"><c>forbidden</c> 401.</exception>
    public void DemandIssuer(uint uid, string issuer)
    {
        foreach (var principal in principals)
        {
            if (principal.Uid == uid && MatchesAny(principal.Issuers, issuer)) return;
        }

        throw Forbidden($"user {uid} is not authorized to use the issuer {issuer}", uid, $"issuers = [\"{issuer}\"]");
    }

    private static ProblemException Forbidden(string message, uint uid, string entry) =>
        new("forbidden", message, $"add a [[principal]] with uid = {uid} and {entry} to the Certificates Service's configuration", 401);

    private static bool MatchesAny(IReadOnlyList<string> patterns, string id)
    {
        foreach (var pattern in patterns)
        {
            if (Matches(pattern, id)) return true;
        }

        return false;
    }

    /// <summary><c>*</c> stands for any run of characters, <c>?</c> for one.</summary>
    private static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        int p = 0, t = 0, star = -1, retry = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*') (star, retry) = (p++, t);
            else if (p < pattern.Length && (pattern[p] == '?' || pattern[p] == text[t])) (p, t) = (p + 1, t + 1);
            else if (star >= 0) (p, t) = (star + 1, ++retry);
            else return false;
        }

        return pattern[p..].IndexOfAnyExcept('*') < 0;
    }
}
