using EstProv.Configuration.Certd;
using EstProv.LocalApi.Access;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Certificates.Api;

/// <summary>
/// Who may have certificates issued, imported and deleted; reading needs no right. Without being listed only identityd's user may, everything but naming
/// an issuer. uid 0 is nobody special.
/// </summary>
/// <param name="rules">Those in force; asked at every decision, since they change while the daemon runs.</param>
internal sealed class CertificateRights(Func<CertificateRules> rules, DenialLog denials)
{
    public bool IsIdentityd(uint uid) => uid == rules().IdentitydUid;

    /// <exception cref="ProblemException"><c>forbidden</c> 401.</exception>
    public void DemandCertificate(PeerCredentials peer, string id)
    {
        if (rules().AllowCertificate(peer.Uid, id)) return;
        denials.Denied(peer, $"have the certificate '{id}' issued, imported or deleted");
        throw Forbidden($"user {peer.Uid} is not authorized to access the certificate {id}", peer.Uid, $"certs = [\"{id}\"]");
    }

    /// <summary>What this caller's request for a certificate may ask beside what is configured for all callers.</summary>
    public IReadOnlyList<CsrPolicy?> PoliciesFor(PeerCredentials peer, string id) => rules().PoliciesFor(peer.Uid, id);

    /// <summary>A request that asked for more than its caller may have is one line in the log, as every denial.</summary>
    public void NoteRefusedRequest(PeerCredentials peer, ProblemException refusal) => denials.Denied(peer, $"have that certificate issued: {refusal.Message}");

    /// <summary>The right to a CA's certificate is the right to have its key used for a request: certd asks keyd in its own name.</summary>
    /// <exception cref="ProblemException"><c>forbidden</c> 401.</exception>
    public void DemandIssuer(PeerCredentials peer, string issuer)
    {
        if (rules().AllowIssuer(peer.Uid, issuer)) return;
        denials.Denied(peer, $"use the issuer '{issuer}'");
        throw Forbidden($"user {peer.Uid} is not authorized to use the issuer {issuer}", peer.Uid, $"issuers = [\"{issuer}\"]");
    }

    /// <exception cref="ProblemException"><c>forbidden</c> 401.</exception>
    public void DemandRescue(PeerCredentials peer)
    {
        if (rules().AllowRescue(peer.Uid)) return;
        denials.Denied(peer, "bring a rescue");
        throw Forbidden($"user {peer.Uid} is not authorized to bring a rescue", peer.Uid, "certs = [] and operations = [\"rescue\"]");
    }

    /// <exception cref="ProblemException"><c>forbidden</c> 401.</exception>
    public void DemandDistrust(PeerCredentials peer)
    {
        if (rules().AllowDistrust(peer.Uid)) return;
        denials.Denied(peer, "say which CAs are distrusted");
        throw Forbidden($"user {peer.Uid} is not authorized to say which CAs are distrusted", peer.Uid, "certs = [] and operations = [\"distrust\"]");
    }

    private static ProblemException Forbidden(string message, uint uid, string entry) =>
        new("forbidden", message, $"add a [[principal]] with uid = {uid} and {entry} to the Certificates Service's configuration", 401);
}
