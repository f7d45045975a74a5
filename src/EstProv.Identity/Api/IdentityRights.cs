using EstProv.Configuration.Identityd;
using EstProv.LocalApi.Access;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>
/// Who may ask for what: <c>[[principal]]</c> without <c>idtype</c> manages all identities, as a module runtime does; with <c>idtype</c> a user
/// gets his own. Nobody else is admitted, uid 0 not excepted.
/// </summary>
/// <param name="principals">Those in force; asked at every decision, since they change while the daemon runs.</param>
internal sealed class IdentityRights(Func<IReadOnlyList<IdentityPrincipal>> principals, DenialLog denials)
{
    public const string Device = "device";

    /// <summary>Every principal.</summary>
    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void RequireAny(PeerCredentials peer, string what) => Require(peer, what, static _ => true);

    /// <summary>Those who manage identities.</summary>
    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void RequireManager(PeerCredentials peer, string what) => Require(peer, what, static principal => principal.IdTypes.Count == 0);

    /// <summary>Those who manage identities, and those whose <c>idtype</c> has <c>device</c>.</summary>
    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void RequireDevice(PeerCredentials peer, string what)
        => Require(peer, what, static principal => principal.IdTypes.Count == 0 || Has(principal.IdTypes, Device));

    private void Require(PeerCredentials peer, string what, Func<IdentityPrincipal, bool> suffices)
    {
        var known = false;
        foreach (var principal in principals())
        {
            if (principal.Uid != peer.Uid) continue;
            known = true;
            if (suffices(principal)) return;
        }

        denials.Denied(peer, what);
        throw new ProblemException("forbidden", $"user {peer.Uid} is not authorized to {what}",
            known ? $"the [[principal]] with uid {peer.Uid} in identityd.toml has an idtype that does not include this"
                : $"add a [[principal]] with uid = {peer.Uid} to identityd.toml", 401);
    }

    private static bool Has(IReadOnlyList<string> types, string type)
    {
        foreach (var one in types)
        {
            if (one == type) return true;
        }

        return false;
    }
}
