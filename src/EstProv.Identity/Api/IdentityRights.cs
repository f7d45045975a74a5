using EstProv.Configuration.Identityd;
using EstProv.LocalApi.Access;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>
/// Who may ask for what: <c>[[principal]]</c> without <c>idtype</c> manages all identities, as a module runtime does; with <c>idtype</c> a
/// user gets his own. Nobody else is admitted, uid 0 not excepted. Of several entries for one uid each gives what it says.
/// </summary>
/// <param name="principals">Those in force; asked at every decision, since they change while the daemon runs.</param>
internal sealed class IdentityRights(Func<IReadOnlyList<IdentityPrincipal>> principals, DenialLog denials)
{
    public const string Device = "device";
    public const string Module = "module";
    public const string Local = "local";

    /// <summary>Every principal.</summary>
    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void RequireAny(PeerCredentials peer, string what)
    {
        if (!Any(peer, static (_, _, _) => true)) throw Denied(peer, what);
    }

    /// <summary>Those who manage identities.</summary>
    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void RequireManager(PeerCredentials peer, string what)
    {
        if (!Any(peer, static (principal, _, _) => principal.IdTypes.Count == 0)) throw Denied(peer, what);
    }

    /// <summary>Those who manage identities, and those whose <c>idtype</c> has <c>device</c>.</summary>
    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void RequireDevice(PeerCredentials peer, string what)
    {
        if (!Any(peer, static (principal, type, _) => principal.IdTypes.Count == 0 || Has(principal, type), Device))
            throw Denied(peer, what);
    }

    /// <summary>Those who manage identities, and he whose own it is.</summary>
    /// <param name="type"><see cref="Module"/> or <see cref="Local"/>.</param>
    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void RequireOwn(PeerCredentials peer, string type, string name, string what)
    {
        if (!Any(peer, static (principal, type, name) => principal.IdTypes.Count == 0 || (Has(principal, type) && principal.Name == name),
            type, name))
        {
            throw Denied(peer, what);
        }
    }

    /// <summary>The caller's own identity: the device's, else his module, else his local one. A manager's is the device's.</summary>
    /// <returns><see cref="Device"/>, <see cref="Module"/> or <see cref="Local"/>, and the principal that gives it.</returns>
    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public (string Type, IdentityPrincipal Principal) Own(PeerCredentials peer)
    {
        var all = principals();
        for (var i = 0; i < all.Count; i++)
        {
            if (all[i].Uid == peer.Uid && (all[i].IdTypes.Count == 0 || Has(all[i], Device))) return (Device, all[i]);
        }

        foreach (var type in (ReadOnlySpan<string>)[Module, Local])
        {
            for (var i = 0; i < all.Count; i++)
            {
                if (all[i].Uid == peer.Uid && Has(all[i], type)) return (type, all[i]);
            }
        }

        throw Denied(peer, "get an identity");
    }

    /// <summary>
    /// The principal of that name whose <c>idtype</c> has <paramref name="type"/>, whoever asks; null when there is none.
    /// </summary>
    public IdentityPrincipal? Find(string type, string name)
    {
        foreach (var principal in principals())
        {
            if (principal.Name == name && Has(principal, type)) return principal;
        }

        return null;
    }

    private bool Any(PeerCredentials peer, Func<IdentityPrincipal, string, string, bool> suffices, string type = "", string name = "")
    {
        var all = principals();
        for (var i = 0; i < all.Count; i++)
        {
            if (all[i].Uid == peer.Uid && suffices(all[i], type, name)) return true;
        }

        return false;
    }

    private ProblemException Denied(PeerCredentials peer, string what)
    {
        denials.Denied(peer, what);
        return new ProblemException("forbidden", $"user {peer.Uid} is not authorized to {what}",
            Any(peer, static (_, _, _) => true) ? $"the [[principal]] with uid {peer.Uid} in identityd.toml has an idtype that does not " +
                "include this"
                : $"add a [[principal]] with uid = {peer.Uid} to identityd.toml", 401);
    }

    private static bool Has(IdentityPrincipal principal, string type)
    {
        for (var i = 0; i < principal.IdTypes.Count; i++)
        {
            if (principal.IdTypes[i] == type) return true;
        }

        return false;
    }
}
