using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration;
using EstProv.Est;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>What is shown to an EST server.</summary>
/// <param name="Name">For messages: the certificate's id, or <c>basic</c>.</param>
/// <param name="ChainPem">The TLS client certificate, leaf first; null for none.</param>
/// <param name="KeyHandle">keyd's handle of its key.</param>
internal sealed record ShownCredential(string Name, string? ChainPem, string? KeyHandle)
{
    public static ShownCredential Basic { get; } = new("basic", null, null);

    /// <summary>The one-time user name and password that an operator brought.</summary>
    public static ShownCredential OneTime { get; } = new("one-time", null, null);

    /// <summary>HTTP Basic beside it, or alone; null for none.</summary>
    public string? Username { get; init; }

    public Positioned<string>? PasswordFile { get; init; }

    /// <summary>An EST identity, as opposed to a bootstrap certificate or HTTP Basic alone.</summary>
    public bool IsIdentity { get; init; }

    /// <summary>What TLS shows of it.</summary>
    public ShownCredential InTls => new(Name, ChainPem, KeyHandle);
}

/// <summary>One enrolment.</summary>
internal sealed record EstOrder
{
    public required string Id { get; init; }

    public required Uri Url { get; init; }

    public required ShownCredential Shown { get; init; }

    public required byte[] Csr { get; init; }

    /// <summary>Signs the request anew where it has to name the TLS session; null where the key is the caller's, who sends what he has signed.</summary>
    public RemoteSignatureGenerator? Signer { get; init; }

    /// <summary>DER of the public key that the certificate must have.</summary>
    public required byte[] SubjectPublicKeyInfo { get; init; }

    public required bool Reenroll { get; init; }

    public required bool CaWanted { get; init; }

    /// <summary>The label's csrattrs ask for tls-unique in challengePassword (RFC 7030 section 3.5).</summary>
    public bool RequestsChallengePassword { get; init; }

    /// <summary>What was asked for; null when it does not matter.</summary>
    public X500DistinguishedName? Subject { get; init; }

    public X509Extension? AlternativeNames { get; init; }
}

/// <summary>What came of an enrolment.</summary>
internal abstract record EstOutcome
{
    public sealed record Issued(IssuedChain Chain) : EstOutcome;

    /// <summary>202: the same request again after this time.</summary>
    public sealed record Pending(TimeSpan RetryAfter) : EstOutcome;
}

/// <summary>The EST servers of the configuration. Calls block on the network; nobody holds a lock around them.</summary>
internal interface IEstServers
{
    /// <exception cref="ProblemException"><c>est_*</c>.</exception>
    EstOutcome Enroll(EstOrder order, CancellationToken cancel);

    /// <summary>Uses a certificate on a new TLS connection and waits for an answer over it that says that the server has something for its owner.</summary>
    /// <exception cref="ProblemException"><c>est_*</c>: not proved.</exception>
    void Prove(Uri url, ShownCredential shown, CancellationToken cancel);

    /// <summary>What the label wants to see in a request.</summary>
    /// <param name="note">Why that is not known, for the log, once; null where all is well.</param>
    /// <exception cref="ProblemException"><c>est_*</c>: the server does not answer.</exception>
    CsrAttributes AttributesOf(Uri url, ShownCredential shown, out string? note, CancellationToken cancel);

    /// <summary>What certificates issued at <paramref name="url"/> are judged by: the anchors and that label's cacerts.</summary>
    (X509Certificate2Collection Anchors, X509Certificate2Collection CaCertificates) TrustFor(Uri url, ShownCredential shown, CancellationToken cancel);

    /// <summary>Whether the server would still be trusted if this were our device CA: its path must not run through a CA that signs such.</summary>
    /// <exception cref="ProblemException"><c>device_ca_unusable</c>: it would not. A server that cannot be asked is none.</exception>
    void DemandTrust(Uri url, ShownCredential shown, string deviceCaPem, CancellationToken cancel);

    /// <summary>Whether this server could be verified still if a CA were distrusted. A server that cannot be asked now says nothing.</summary>
    /// <returns>Null when it could not be asked.</returns>
    bool? IsTrustedWithout(Uri url, Configuration.Certd.IssuerName distrusted, CancellationToken cancel) => null;

    /// <summary>Asks this server for what it tells everybody; nothing is shown to it.</summary>
    /// <exception cref="ProblemException"><c>est_*</c>: nobody answers, or it is another server than the one that we want.</exception>
    EstReach Reach(Uri url, CancellationToken cancel) => new(true);

    /// <summary>A server is to be asked for new roots, since one that is trusted ends before long (RFC 7030 section 4.1.2).</summary>
    bool IsTrustDue { get; }

    /// <summary>Asks for them.</summary>
    /// <exception cref="ProblemException"><c>est_*</c>: a server does not answer.</exception>
    void RefreshTrust(ShownCredential shown, CancellationToken cancel);

    /// <summary>What this server is verified by now, what was learnt from it included.</summary>
    /// <exception cref="ProblemException"><c>est_no_trust</c>; what reading a file of the operator's says.</exception>
    X509Certificate2Collection AnchorsOf(Uri url) => [];

    /// <summary>What this server is verified by now, and where each anchor comes from; for people.</summary>
    /// <exception cref="ProblemException"><c>est_no_trust</c>; what reading a file of the operator's says.</exception>
    string ExplainTrust(Uri url) => "";

    /// <summary>The proxy that this server is reached through, and who said so; for people, without its password. Null for none.</summary>
    /// <exception cref="ProblemException"><c>proxy_bad_url</c>.</exception>
    string? ExplainProxy(Uri url) => null;

    /// <summary>Closes the connections that show anything but <paramref name="inUse"/>.</summary>
    void Forget(ShownCredential inUse);

    /// <summary>Closes the connections that show <paramref name="refused"/>.</summary>
    void Drop(ShownCredential refused);
}
