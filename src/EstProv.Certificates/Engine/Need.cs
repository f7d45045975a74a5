using EstProv.Certificates.Issuing;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Engine;

/// <summary>Why a credential needs a new certificate.</summary>
internal enum Need
{
    None,
    FirstIssue,
    Renewal,
    KeyMissing,
    OtherName,
    Refused,

    /// <summary>An operator brought the means to get another one.</summary>
    Rescue,

    /// <summary>An operator wants another one.</summary>
    Asked,

    /// <summary>It was minted by a CA of ours that has been renewed since.</summary>
    IssuerRenewed,

    /// <summary>It is under a CA that is distrusted.</summary>
    Distrusted,
}

/// <summary>Judges credentials by what is known of them; changes nothing.</summary>
internal static class Needs
{
    /// <summary>The longest sleep: wall clocks jump, timers do not notice.</summary>
    public static readonly TimeSpan LongestSleep = TimeSpan.FromMinutes(5);

    public static Need Of(Credential credential, BelievedClock clock, bool bootstrapAlways)
    {
        if (credential.Issuance is null) return Need.None;
        if (credential.Rescue is not null) return Need.Rescue;
        if (credential.Current is not { } current) return credential.Wanted ? Need.FirstIssue : Need.None;
        if (credential.KeyMissing) return Need.KeyMissing;
        if (credential.RefusedByServer && bootstrapAlways) return Need.Refused;
        if (HasOtherName(credential, current)) return Need.OtherName;
        if (credential.RenewalAsked) return Need.Asked;
        if (ReplacementOf(credential, current) is { } replacement && clock.Now >= replacement.From) return replacement.Why;
        return clock.Now >= RenewalAt(credential, current) ? Need.Renewal : Need.None;
    }

    /// <summary>The configuration or a caller wants another name than the one that was asked for.</summary>
    public static bool HasOtherName(Credential credential, StoredCertificate current)
    {
        if (current is not { Kind: StoredKind.Credential, RequestedName: { } asked }) return false;
        var name = credential.Issuance?.CommonName ?? (credential.NamedByCaller ? credential.WantedName : null);
        if (credential.Issuance?.Subject is not { } subject) return name is not null ? asked != name : RequestedNames.SubjectOf(asked) is not null;
        return (name ?? RequestedNames.CommonNameIn(asked)) is { } known && asked != RequestedNames.Of(subject, known);
    }

    /// <summary>
    /// A server may not like the other name. When it is time to renew, every second attempt keeps the old one, so that the wish for another name does not
    /// cost the device its identity.
    /// </summary>
    public static bool KeepsName(Credential credential, StoredCertificate current, BelievedClock clock) =>
        !HasOtherName(credential, current) || (clock.Now >= RenewalAt(credential, current) && credential.Failures % 2 == 1);

    public static DateTimeOffset RenewalAt(Credential credential, StoredCertificate certificate)
    {
        var own = credential.Policy.FirstTry(certificate.NotBefore, certificate.NotAfter, certificate.IssuedAt, certificate.Spread);
        return ReplacementOf(credential, certificate) is { } replacement && replacement.From < own ? replacement.From : own;
    }

    /// <summary>Null also where what was found is of another certificate than this one.</summary>
    public static Replacement? ReplacementOf(Credential credential, StoredCertificate certificate) =>
        credential.Replacement is { } replacement && ReferenceEquals(replacement.Of, certificate) ? replacement : null;

    /// <summary>Its key must not stay, whatever <c>rotate_key</c> says.</summary>
    public static bool WantsNewKey(Credential credential) => credential.RenewalAsked || credential.Rescue is not null || credential.Replacement?.Why == Need.Distrusted;

    /// <summary>Expired by a clock that is believed.</summary>
    public static bool IsExpired(StoredCertificate certificate, BelievedClock clock) => clock.IsBelieved && certificate.NotAfter <= clock.Now;

    /// <summary>Whether others can be issued with it.</summary>
    public static bool IsReady(Credential credential, BelievedClock clock) =>
        credential is { Current: { } current, Recovered: true, KeyMissing: false, Key: not null } && !IsExpired(current, clock);

    /// <summary>
    /// The old one is over and nobody could prove the new one: it is taken all the same, since there is nothing to lose. Not when somebody refused it.
    /// </summary>
    public static bool TakesUnproved(Credential credential, BelievedClock clock) =>
        credential is { Staged: not null, Current: { } current, Refusals: 0 } && IsExpired(current, clock);

    /// <summary>Time until the next attempt may begin.</summary>
    public static TimeSpan Wait(Credential credential, TimeProvider time)
    {
        if (credential.WaitsFor <= TimeSpan.Zero) return TimeSpan.Zero;
        var left = credential.WaitsFor - time.GetElapsedTime(credential.WaitsSince);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}

/// <summary>With which identity the EST identity itself is obtained.</summary>
internal enum EstIdentitySource
{
    /// <summary>The EST identity renews itself: <c>simplereenroll</c>.</summary>
    Itself,

    Bootstrap,

    /// <summary>User name and password.</summary>
    Basic,

    /// <summary>A one-time user name and password that an operator brought.</summary>
    OneTime,

    /// <summary>There is none, or none may be used.</summary>
    None,
}

internal static class EstIdentitySources
{
    /// <summary>The rules of <c>bootstrap_use</c>. What a server answers never opens the way back, unless the operator said <c>always</c>.</summary>
    public static EstIdentitySource Choose(Credential identity, EstAccess est, BelievedClock clock)
    {
        if (est.IdentityCert is null) return EstIdentitySource.Basic;
        if (identity.Rescue is { } rescue) return rescue.Way == RescueWay.Bootstrap ? EstIdentitySource.Bootstrap : EstIdentitySource.OneTime;
        var hasBootstrap = est.BootstrapIdentityCert is not null;
        if (identity.Current is not { } current)
        {
            if (hasBootstrap) return EstIdentitySource.Bootstrap;
            return est.Username is not null ? EstIdentitySource.Basic : EstIdentitySource.None;
        }

        var mayGoBack = hasBootstrap && est.BootstrapUse != BootstrapUse.FirstIssue;
        // A certificate without its key is no identity any more; that is known locally, no server can bring it about.
        if (identity.KeyMissing) return mayGoBack ? EstIdentitySource.Bootstrap : EstIdentitySource.None;
        // What the server has under consideration is asked for again by whom it knows as its sender.
        bool? askedByBootstrap = identity.Pending is { } pending ? pending.Credential == est.BootstrapIdentityCert : null;
        // Some servers renew what has expired, others want the bootstrap identity again: both are tried in turn.
        if (mayGoBack && Needs.IsExpired(current, clock)) return askedByBootstrap ?? identity.Failures % 2 == 0 ? EstIdentitySource.Bootstrap : EstIdentitySource.Itself;
        return hasBootstrap && est.BootstrapUse == BootstrapUse.Always && (askedByBootstrap ?? identity.RefusedByServer) ? EstIdentitySource.Bootstrap : EstIdentitySource.Itself;
    }
}
