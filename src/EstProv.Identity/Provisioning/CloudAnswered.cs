using EstProv.Platform;

namespace EstProv.Identity.Provisioning;

/// <summary>What DPS or a hub said to somebody who showed it nothing.</summary>
/// <param name="IsVerified">False where it ended TLS before that could be known.</param>
/// <param name="Problem">Null where it is there, whatever it says.</param>
internal sealed record CloudAnswered(bool IsVerified, ProblemException? Problem = null)
{
    /// <summary>It ended TLS, since it wants a client certificate before anything else.</summary>
    public bool WantsCredential { get; init; }
}
