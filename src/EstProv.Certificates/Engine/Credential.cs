using EstProv.Certificates.Client;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Renewal;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Est;
using EstProv.Keys.Client;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Engine;

/// <summary>What a request asks for; while it stays the same, a request that was made already is used.</summary>
/// <param name="Subject">DER, base64.</param>
/// <param name="AlternativeNames">DER of the SAN's value, base64; null for none.</param>
/// <param name="NamesAreCritical">Of the SAN.</param>
internal sealed record RequestPlan(string Subject, string? AlternativeNames, bool NamesAreCritical, CertificateProfile Profile, bool Reenroll, string Name);

/// <summary>A staged key and, where one is needed, the request signed with it.</summary>
/// <param name="Attributes">What the EST server wants to see in it.</param>
/// <param name="Lenient">What it wants and cannot have was left out.</param>
/// <param name="Content">Null where there is no request.</param>
internal sealed record PreparedRequest(KeyReference Key, RequestPlan Plan, CsrAttributes Attributes, bool Lenient, CertificateRequestContent? Content, byte[]? Csr);

/// <summary>
/// One certificate with its key in keyd, and how far it is. Changed under the engine's gate only; a credential that is
/// <see cref="Busy"/> belongs to the thread that works on it.
/// </summary>
internal sealed class Credential
{
    private static readonly TimeSpan FirstLocalGap = TimeSpan.FromSeconds(0.2), LongestLocalGap = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstRefusalGap = TimeSpan.FromSeconds(30), LongestRefusalGap = TimeSpan.FromHours(1);
    private static readonly TimeSpan FirstPendingGap = TimeSpan.FromSeconds(1), LongestPendingGap = TimeSpan.FromMinutes(5);

    public Credential(string id, string keyId, CertificateIssuance? issuance, Random random)
    {
        Id = id;
        KeyId = keyId;
        Issuance = issuance;
        Policy = RenewalPolicy.Of(issuance?.Renewal);
        LocalBackoff = new Backoff(FirstLocalGap, LongestLocalGap, random);
        RefusalBackoff = new Backoff(FirstRefusalGap, LongestRefusalGap, random);
        PendingBackoff = new Backoff(FirstPendingGap, LongestPendingGap, random);
    }

    public string Id { get; }

    public string KeyId { get; set; }

    /// <summary>Null for what is preloaded only and never renewed by us.</summary>
    public CertificateIssuance? Issuance { get; }

    public RenewalPolicy Policy { get; }

    public CertificateProfile Profile => CertificateProfiles.Of(Id, Issuance);

    public AttemptCounts Attempts { get; } = new();

    /// <summary>A renewal is what there is a certificate in use for, whoever brought that.</summary>
    public void CountAttempt(AttemptResult result) => Attempts.Count(result, isRenewal: Current is not null);

    /// <summary>On disk: in use.</summary>
    public StoredCertificate? Stored { get; set; }

    /// <summary>On disk: what was in use before, kept of the EST identity until the one in use has done its work once.</summary>
    public StoredCertificate? Previous { get; set; }

    /// <summary>The new EST identity was refused at its first use where <see cref="Previous"/> was accepted: that one comes back.</summary>
    public bool TakesBack { get; set; }

    /// <summary>On disk: issued, not yet proved.</summary>
    public StoredCertificate? Staged { get; set; }

    /// <summary>On disk: asked for, the server answered 202.</summary>
    public PendingRequest? Pending { get; set; }

    /// <summary>What is known of the operator's file under this id; its <see cref="StoredCertificate.OperatorFile"/> is that file's hash.</summary>
    public StoredCertificate? Operator { get; set; }

    /// <summary>Hash of an operator's file whose key keyd does not have, while ours still works.</summary>
    public string? RejectedOperatorFile { get; set; }

    /// <summary>The operator's file where it is newer than ours, else ours.</summary>
    public StoredCertificate? Current =>
        Operator is { } file && file.OperatorFile != RejectedOperatorFile && Stored?.OperatorFile != file.OperatorFile ? file : Stored;

    /// <summary>What was imported under this id before anybody asked for it, and has been looked at.</summary>
    public StoredCertificate? Brought { get; set; }

    /// <summary>Somebody asked for it, so it is issued where it is missing.</summary>
    public bool Wanted { get; set; }

    /// <summary>The common name that came with the wish.</summary>
    public string? WantedName { get; set; }

    /// <summary>The caller himself gave the name: another name than the stored one means a new certificate.</summary>
    public bool NamedByCaller { get; set; }

    /// <summary>A caller proves it and says so; otherwise we do.</summary>
    public bool ProvedByCaller { get; set; }

    /// <summary>An operator wants a new certificate, with a new key, whatever the time; over when one is staged.</summary>
    public bool RenewalAsked { get; set; }

    /// <summary>It is to be replaced before its own time; null for not, or while that is not known of the current one.</summary>
    public Replacement? Replacement { get; set; }

    /// <summary>Of the EST identity: what an operator brought so that another one can be got; null for nothing.</summary>
    public RescueGrant? Rescue { get; set; }

    /// <summary>A server's wish for patience is on disk.</summary>
    public bool WaitStored { get; set; }

    /// <summary>The log has been told which name is asked for, where nobody has configured one.</summary>
    public bool IsNameTold { get; set; }

    /// <summary>TLS with a key of the kind that the EST server's csrattrs ask for came to nothing: the next one is of the usual kind.</summary>
    public bool KeepsUsualKey { get; set; }

    public bool Busy { get; set; }

    /// <summary>Held while keyd changes which key is the current one, and while it destroys the one before: these two must not meet. Taken before the gate.</summary>
    public Lock Turning { get; } = new();

    /// <summary>What is on disk has been compared with keyd's keys since the start.</summary>
    public bool Recovered { get; set; }

    public bool PromotionDue { get; set; }

    /// <summary>keyd is there and has no key for the current certificate.</summary>
    public bool KeyMissing { get; set; }

    /// <summary>The EST server refused it as an identity.</summary>
    public bool RefusedByServer { get; set; }

    /// <summary>The current key has done its work once, so the certificate and the key before it are gone.</summary>
    public bool Used { get; set; }

    /// <summary>keyd's key of <see cref="Current"/>.</summary>
    public KeyReference? Key { get; set; }

    public KeyReference? StagedKey { get; set; }

    public PreparedRequest? Prepared { get; set; }

    /// <summary>How often the staged certificate was refused where it was to be proved.</summary>
    public int Refusals { get; set; }

    /// <summary>Failed attempts since the last success.</summary>
    public int Failures { get; set; }

    /// <summary>How often an attempt ended without a certificate, failed or answered 'later'; a waiting caller sees by it that there is something to tell.</summary>
    public int Disappointments { get; set; }

    /// <summary>From when (a timestamp of the TimeProvider) the next attempt waits, and how long.</summary>
    public long WaitsSince { get; set; }

    public TimeSpan WaitsFor { get; set; }

    public DateTimeOffset? LastAttempt { get; set; }

    public string? LastUrl { get; set; }

    public string? LastCredential { get; set; }

    public CredentialProblem? Problem { get; set; }

    /// <summary>Failed attempts at a first issue since the last success; waiting for keyd is not counted.</summary>
    public int FirstIssueFailures { get; set; }

    public Backoff LocalBackoff { get; }

    /// <summary>Between new certificates that are refused where they are used; starts over only when one has done its work.</summary>
    public Backoff RefusalBackoff { get; }

    /// <summary>Between answers 'later', for servers that ask for less patience than is good for them.</summary>
    public Backoff PendingBackoff { get; }

    public void ForgetFailures()
    {
        Failures = 0;
        Refusals = 0;
        WaitsFor = TimeSpan.Zero;
        Problem = null;
        FirstIssueFailures = 0;
        LocalBackoff.Reset();
    }
}
