using EstProv.Configuration.Certd;
using EstProv.LocalApi.Access;

namespace EstProv.Certificates.Api;

/// <summary>What the principals of one configuration may do. Of several entries for one user each gives what it says.</summary>
/// <param name="IdentitydUid">May have everything issued without being listed, but names no issuer.</param>
internal sealed record CertificateRules(IReadOnlyList<CertificatePrincipal> Principals, uint IdentitydUid)
{
    public bool AllowCertificate(uint uid, string id)
    {
        if (uid == IdentitydUid) return true;
        foreach (var principal in Principals)
        {
            if (principal.Uid == uid && Wildcard.MatchesAny(principal.Certs, id)) return true;
        }

        return false;
    }

    /// <summary>What is said of this user's requests for a certificate: an entry for each that admits him, null for one that leaves it to the certificate.</summary>
    public IReadOnlyList<CsrPolicy?> PoliciesFor(uint uid, string id)
    {
        var policies = new List<CsrPolicy?>();
        foreach (var principal in Principals)
        {
            if (principal.Uid == uid && Wildcard.MatchesAny(principal.Certs, id)) policies.Add(principal.Csr);
        }

        if (policies.Count == 0) policies.Add(null);
        return policies;
    }

    public bool AllowIssuer(uint uid, string issuer)
    {
        foreach (var principal in Principals)
        {
            if (principal.Uid == uid && Wildcard.MatchesAny(principal.Issuers, issuer)) return true;
        }

        return false;
    }

    public bool AllowRescue(uint uid) => Any(uid, static principal => principal.MayRescue);

    public bool AllowDistrust(uint uid) => Any(uid, static principal => principal.MayDistrust);

    private bool Any(uint uid, Func<CertificatePrincipal, bool> may)
    {
        foreach (var principal in Principals)
        {
            if (principal.Uid == uid && may(principal)) return true;
        }

        return false;
    }
}
