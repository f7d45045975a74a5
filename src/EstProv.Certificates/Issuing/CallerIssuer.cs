using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Renewal;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>
/// Certificates on a caller's request (<c>module-server</c>, <c>module-id</c>): the key is the caller's, we only sign or have signed, and keep what came of it.
/// </summary>
/// <remarks>
/// Certificates of a public CA cost money, so the same wish (same key, names and usages) gets the stored certificate again while less than
/// its renewal window has passed. Another key cannot be served by a stored certificate, so it gets a new one, which replaces the stored one.
/// </remarks>
internal sealed class CallerIssuer(EngineParts parts, CredentialEngine engine)
{
    /// <summary>How long a caller waits for the EST identity or the device CA to be there.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    private readonly CallerMint _mint = new(parts, engine);

    private CredentialTable Table => engine.Table;

    /// <param name="issuer">A CA of ours that the caller may name; null for what the configuration says.</param>
    /// <param name="callers">What <c>[[principal]]</c> says of this caller's requests, an entry for each that admits him; null for one that says nothing.</param>
    /// <returns>The chain as PEM, leaf first.</returns>
    /// <exception cref="ProblemException"><c>bad_csr</c>, <c>csr_not_allowed</c>, <c>certificate_managed</c>, <c>not_configured</c>, <c>est_*</c>.</exception>
    public string Issue(string id, string csr, string? issuer, CancellationToken cancel, IReadOnlyList<CsrPolicy?>? callers = null)
    {
        CheckId(id);
        var request = CallerRequest.Read(csr);
        var method = MethodFor(id, issuer);
        var policy = Allow(id, request, method, callers);
        if (Known(id, request, issuer) is { } known) return known;

        var started = parts.Time.GetTimestamp();
        var issued = method switch
        {
            IssuanceMethod.DeviceCa => Mint(id, request, policy, issuer, cancel),
            IssuanceMethod.SelfSigned => SelfSign(id, request, policy),
            _ => Enroll(id, request, cancel),
        };
        issued = issued with { Request = request.Fingerprint };
        parts.Store.WriteCommitted(issued);
        lock (Table.Gate) Table.PutOther(issued);
        parts.Events.Issued(issued, parts.Time.GetElapsedTime(started));
        return issued.Pem;
    }

    private void CheckId(string id)
    {
        bool isOurs;
        lock (Table.Gate) isOurs = Table.Find(id) is not null;
        if (isOurs || id is "device-id" or CertificateProfiles.DeviceCa || parts.Preloaded.IsBundle(id))
        {
            throw new ProblemException("certificate_managed", $"certificate '{id}' is not issued on a caller's request: its key is in the Key Service, or it is a bundle",
                $"POST /credentials/{Uri.EscapeDataString(id)}/ensure gives certificate and key handle", 400);
        }
    }

    private IssuanceMethod MethodFor(string id, string? issuer)
    {
        if (issuer is not null) return IssuanceMethod.DeviceCa;
        return parts.Configuration.Issuance.TryGetValue(id, out var issuance)
            ? issuance.Method
            : throw new ProblemException("not_configured", $"nothing says how certificate '{id}' is issued",
                $"add \"{id}\" = \"est\" or \"device-ca\" to [cert_issuance]", 400);
    }

    private EffectivePolicy Allow(string id, CallerRequest request, IssuanceMethod method, IReadOnlyList<CsrPolicy?>? callers)
    {
        var issuance = parts.Configuration.Issuance.GetValueOrDefault(id);
        var policies = new List<EffectivePolicy>();
        foreach (var caller in callers ?? [null]) policies.Add(CsrPolicies.Of(id, caller, issuance));
        var replacesSubject = method != IssuanceMethod.Est && CallerMint.ConfiguredSubject(issuance) is not null;
        return new CsrCheck(HostNames.Read).Demand(request, policies, replacesSubject);
    }

    private string? Known(string id, CallerRequest request, string? issuer)
    {
        StoredCertificate? stored;
        lock (Table.Gate) stored = Table.FindOther(id);
        if (stored is not { Kind: StoredKind.Issued } || stored.Request != request.Fingerprint) return null;
        if ((issuer is null ? SourceOf(id) : CallerSource(issuer)) != stored.Url) return null;
        if (engine.Replacements.Of(stored, () => stored.Pem) is { } replacement && parts.Clock.Now >= replacement.From) return null;
        // To the end of the window: a public CA's certificates cost money.
        var policy = RenewalPolicy.Of(parts.Configuration.Issuance.GetValueOrDefault(id)?.Renewal);
        return parts.Clock.Now < policy.FirstTry(stored.NotBefore, stored.NotAfter, stored.IssuedAt, 1) ? stored.Pem : null;
    }

    private string SourceOf(string id) => engine.Steps.SourceOf(id, MethodFor(id, null));

    private static string CallerSource(string issuer) => CredentialSteps.LocalPrefix + issuer;

    private StoredCertificate Mint(string id, CallerRequest request, EffectivePolicy policy, string? issuer, CancellationToken cancel)
    {
        var (chain, ca) = Noting(() => _mint.Mint(id, request, policy, issuer, cancel));
        return Describe(id, chain[0], PemText.Of(chain), CallerSource(ca), ca) with { IssuerSpki = CertificateFacts.SpkiOf(chain[1]) };
    }

    private StoredCertificate SelfSign(string id, CallerRequest request, EffectivePolicy policy)
    {
        var leaf = _mint.SelfSign(id, request, policy);
        return Describe(id, leaf, leaf.ExportCertificatePem() + "\n", CredentialSteps.SelfUrl, id);
    }

    private StoredCertificate Enroll(string id, CallerRequest request, CancellationToken cancel)
    {
        var url = engine.Identities.UrlOf(id);
        if (Table.IdentityFor(id) is { } identity) engine.Acquire(identity, LongestWait, cancel);
        var shown = engine.Identities.ShownFor(id);
        var order = new EstOrder
        {
            Id = id,
            Url = url,
            Shown = shown,
            Csr = request.Der,
            SubjectPublicKeyInfo = request.Key.ExportSubjectPublicKeyInfo(),
            Reenroll = false,
            CaWanted = request.IsCa,
            Subject = request.Subject,
            AlternativeNames = request.AlternativeNames,
        };
        var outcome = Noting(() => engine.Steps.Enroll(order, cancel));
        if (outcome is EstOutcome.Pending pending)
        {
            throw new ProblemException("est_pending", $"the EST server at {url} has the request for '{id}' and asks for patience (HTTP 202, credential '{shown.Name}')",
                "send the same request again after Retry-After", 503)
            {
                RetryAfter = pending.RetryAfter,
            };
        }

        var chain = ((EstOutcome.Issued)outcome).Chain;
        foreach (var note in chain.Notes) parts.Events.Note(id, note);
        var isDistrusted = engine.Replacements.DistrustOf([.. chain.Certificates, chain.Anchor]) is { } entry;
        if (isDistrusted) parts.Events.Note(id, "it was issued under a CA that is distrusted; its caller has no other");
        return Describe(id, chain.Leaf, chain.ToPem(), url.ToString(), shown.Name) with { TakenAllTheSame = isDistrusted };
    }

    /// <summary>What an issuance says of the credential that it used may give the engine something to do.</summary>
    private T Noting<T>(Func<T> issue)
    {
        try
        {
            return issue();
        }
        finally
        {
            engine.Evaluate();
        }
    }

    private StoredCertificate Describe(string id, X509Certificate2 leaf, string pem, string url, string shown) =>
        CertificateFacts.Describe(id, StoredKind.Issued, leaf, pem, parts.Clock.Now, parts.Random.NextDouble()) with { Url = url, Credential = shown };
}
