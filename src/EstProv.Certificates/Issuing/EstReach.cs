using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>What a server said to somebody who showed it nothing.</summary>
/// <param name="IsVerified">
/// False where it ended TLS before that could be known, since it wants a client certificate at once: it may be anybody.
/// </param>
internal sealed record EstReach(bool IsVerified)
{
    /// <summary>It tells nobody anything whom it does not know.</summary>
    public bool WantsCredential { get; init; }

    /// <summary>
    /// It is verified, and did not give what every EST server has for everybody (RFC 7030 section 4.1); null where it did.
    /// </summary>
    public ProblemException? Problem { get; init; }

    /// <summary>Whether the problem says that there is no EST server, rather than that it is not well.</summary>
    public bool IsElsewhere => Problem is { Code: "est_not_found" or "est_bad_answer" };
}
