using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Est;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>A request is sent to an EST server, with whatever identity it takes, and again where the server wants time (202).</summary>
internal sealed partial class CredentialSteps
{
    /// <summary>A server that has had a request under consideration (202) for so long has lost it, or whoever was to approve it has: it is made anew.</summary>
    private static readonly TimeSpan LongestConsideration = TimeSpan.FromDays(7);

    /// <summary>Between two repetitions of a request, where there is a certificate to live by meanwhile.</summary>
    private static readonly TimeSpan LongestPendingGap = TimeSpan.FromHours(6);

    private void GiveUpOldRequest(Credential credential)
    {
        if (credential.Pending is not { } pending || parts.Clock.Now - pending.Since < LongestConsideration) return;
        parts.Events.Note(credential.Id, $"the server has had the request under consideration since {pending.Since:yyyy-MM-dd HH:mm:ss}Z (HTTP 202); another one is made");
        ForgetPending(credential);
        // The same bytes would be the same request.
        lock (table.Gate) credential.Prepared = null;
    }

    private Issued? Enroll(Credential credential, CancellationToken cancel)
    {
        var way = identities.WayFor(credential);
        var prepared = PreparedBefore(credential, way);
        var pending = prepared is null ? null : credential.Pending;
        lock (table.Gate) (credential.LastUrl, credential.LastCredential) = (way.Url.ToString(), way.Shown.Name);
        if (way.BootstrapReason is { } reason)
        {
            bootstrap.Take();
            parts.Events.BootstrapUsed(way.Shown.Name, way.Url, reason);
        }

        var attributes = AttributesOf(credential, way, cancel);
        if (credential.KeepsUsualKey) attributes = attributes with { Keys = [] };
        prepared ??= Prepare(credential, attributes, way);
        var order = new EstOrder
        {
            Id = credential.Id,
            Url = way.Url,
            Shown = way.Shown,
            Csr = prepared.Csr!,
            Signer = KeySigner.Of(parts.Keys, prepared.Key),
            SubjectPublicKeyInfo = prepared.Key.SubjectPublicKeyInfo,
            Reenroll = pending?.Reenroll ?? (way.Reenroll && prepared.Plan.Reenroll),
            CaWanted = credential.Profile == CertificateProfile.Ca,
            RequestsChallengePassword = attributes.RequestsChallengePassword,
            Subject = prepared.Content!.Subject,
            AlternativeNames = prepared.Content.AlternativeNames,
        };
        EstOutcome outcome;
        try
        {
            outcome = Enroll(order, cancel);
        }
        catch (ProblemException problem)
        {
            // The server does not know the request any more, or its sender, or never will: the next one is a new one.
            if (pending is not null && (IsRefusal(problem) || problem.Code is "est_rejected" or "est_not_found" or "est_wrong_key")) ForgetPending(credential);
            throw;
        }

        if (outcome is EstOutcome.Pending later)
        {
            Postpone(credential, prepared, order, later.RetryAfter);
            return null;
        }

        var chain = ((EstOutcome.Issued)outcome).Chain;
        parts.Checkpoint?.Invoke("enrolled");
        foreach (var note in chain.Notes) parts.Events.Note(credential.Id, note);
        var certificate = Describe(credential.Id, chain.Leaf, chain.ToPem(), way.Url.ToString(), way.Shown.Name) with
        {
            RequestedName = pending?.RequestedName,
            TakenAllTheSame = IsTakenAllTheSame(credential, chain, way.Url),
        };
        return new Issued(certificate, prepared);
    }

    /// <summary>What comes from a distrusted CA again is no replacement; where there is nothing else that is good, it is better than nothing.</summary>
    /// <exception cref="ProblemException"><c>issuer_distrusted</c>.</exception>
    private bool IsTakenAllTheSame(Credential credential, IssuedChain chain, Uri url)
    {
        if (replacements.DistrustOf([.. chain.Certificates, chain.Anchor]) is not { } entry) return false;
        if (!credential.KeyMissing && credential.Current is { } current && !Needs.IsExpired(current, parts.Clock))
        {
            ForgetPending(credential);
            throw new ProblemException("issuer_distrusted", $"{url} issued the certificate '{credential.Id}' under '{entry.Name}', which is distrusted; the one in use stays",
                "have the EST server issue under another CA, or trust this one again: estprov distrust --undo", 503);
        }

        parts.Events.Note(credential.Id, $"it was issued under '{entry.Name}', which is distrusted; it is taken all the same, since there is none that is good");
        return true;
    }

    /// <summary>The request that was answered 202, where it is to be sent again to the same server by the same sender; another one is forgotten.</summary>
    private PreparedRequest? PreparedBefore(Credential credential, EnrolmentWay way)
    {
        if (credential.Pending is not { } pending) return null;
        var isOfKeyToGo = Needs.WantsNewKey(credential) && credential.Current?.Spki == pending.Spki;
        if (pending.Credential == way.Shown.Name && pending.Url == way.Url.ToString() && !isOfKeyToGo
            && parts.Keys.FindKeyPair(credential.KeyId, System.Buffers.Text.Base64Url.DecodeFromChars(pending.Spki)) is { } key
            && SentRequest.ContentOf(pending.Csr) is { } content)
        {
            var plan = PlanOf(credential);
            return new PreparedRequest(key, plan with { Name = pending.RequestedName ?? plan.Name }, CsrAttributes.None, false, content, pending.Csr);
        }

        ForgetPending(credential);
        return null;
    }

    private CsrAttributes AttributesOf(Credential credential, EnrolmentWay way, CancellationToken cancel)
    {
        var attributes = parts.Est!.AttributesOf(way.Url, way.Shown, out var note, cancel);
        if (note is not null) parts.Events.Note(credential.Id, note);
        return attributes;
    }

    /// <summary>Enrols, and notes what that says of the EST identity where it is what was shown.</summary>
    /// <exception cref="ProblemException"><c>est_*</c>, keyd's.</exception>
    public EstOutcome Enroll(EstOrder order, CancellationToken cancel)
    {
        var identity = table.FindIdentity(order.Shown.Name);
        try
        {
            var outcome = parts.Est!.Enroll(order, cancel);
            if (identity is not null) Worked(identity, order.Shown);
            return outcome;
        }
        catch (ProblemException problem) when (identity is not null)
        {
            if ((IsRefusal(problem) || problem.Code == "est_rejected") && EnrollWithPrevious(identity, order, cancel) is { } outcome) return outcome;
            // Only where the operator allowed it does a server's refusal open the way back to the bootstrap identity.
            if (IsRefusal(problem)) lock (table.Gate) identity.RefusedByServer = true;
            if (IsAboutKey(problem)) LookForKey(identity);
            throw;
        }
    }

    /// <summary>The EST server has taken the EST identity; another one may be in use meanwhile.</summary>
    private void Worked(Credential identity, ShownCredential shown)
    {
        lock (table.Gate)
        {
            if (identity.Key?.Handle != shown.KeyHandle) return;
            identity.RefusedByServer = false;
        }

        MarkUsed(identity);
    }

    /// <summary>
    /// A new EST identity that is refused at its first use is at fault only when the one before it is not refused; that one then comes back.
    /// </summary>
    /// <returns>Null when there is none, or when it did no better.</returns>
    private EstOutcome? EnrollWithPrevious(Credential identity, EstOrder order, CancellationToken cancel)
    {
        StoredCertificate? previous;
        lock (table.Gate)
        {
            var isNew = !identity.Used && ReferenceEquals(identity.Current, identity.Stored) && identity.Key?.Handle == order.Shown.KeyHandle;
            previous = isNew ? identity.Previous : null;
        }

        if (previous is null || Needs.IsExpired(previous, parts.Clock)) return null;
        try
        {
            if (parts.Keys.FindKeyPair(identity.KeyId, previous.SpkiHash) is not { } key) return null;
            var outcome = parts.Est!.Enroll(order with { Shown = order.Shown with { ChainPem = identities.ChainOf(previous), KeyHandle = key.Handle } }, cancel);
            // Not where the new one has been of use to somebody else meanwhile: then the one before is on its way out.
            lock (table.Gate) identity.TakesBack = !identity.Used && ReferenceEquals(identity.Previous, previous);
            return outcome;
        }
        catch (ProblemException)
        {
            return null;
        }
    }

    /// <summary>The new EST identity does not work, the one before does: its certificate is in use again, with its key, which keyd has kept for it.</summary>
    /// <exception cref="ProblemException"><c>credential_refused</c>, where it is: another one is asked for, not at once.</exception>
    private void TakeBack(Credential identity)
    {
        if (identity is not { Stored: { } refused, Previous: { } previous })
        {
            // Deleted meanwhile.
            lock (table.Gate) identity.TakesBack = false;
            return;
        }

        parts.Store.TakeBack(previous);
        parts.Checkpoint?.Invoke("taken back");
        lock (table.Gate)
        {
            identity.Stored = previous.Kind == StoredKind.Operator ? null : previous;
            identity.Previous = null;
            identity.TakesBack = false;
            // It has been of use before; that it is again does not mean that the refused one was not refused.
            identity.Used = true;
            identity.Prepared = null;
            identity.Recovered = false;
        }

        parts.Events.TakenBack(previous, refused);
        Recover(identity);
        throw new ProblemException("credential_refused",
            $"the EST server refused the new EST identity '{identity.Id}' (until {refused.NotAfter:yyyy-MM-dd HH:mm:ss}Z, by {refused.Issuer}) at its first use; the one before is in use again",
            "see to it that the server accepts certificates of its issuer for enrolments; another one is asked for by itself", 503)
        {
            RetryAfter = identity.RefusalBackoff.Next(),
        };
    }

    /// <summary>A key may go from the token while we run; keyd knows.</summary>
    public void LookForKey(Credential shown)
    {
        try
        {
            StoredCertificate? current;
            lock (table.Gate) current = shown.Current;
            if (current is null || parts.Keys.FindKeyPair(shown.KeyId, current.SpkiHash) is not null) return;
            lock (table.Gate) shown.KeyMissing = ReferenceEquals(shown.Current, current);
        }
        catch (ProblemException)
        {
            // keyd does not know either, for now.
            return;
        }
    }

    private static bool IsAboutKey(ProblemException problem) => problem.Code is "est_tls" or "key_not_found";

    /// <summary>The identity as such was refused, as opposed to a request.</summary>
    private static bool IsRefusal(ProblemException problem) => problem.Code is "est_unauthorized" or "est_forbidden" or "est_tls_alert";

    private void Postpone(Credential credential, PreparedRequest prepared, EstOrder order, TimeSpan asked)
    {
        var since = credential.Pending?.Since ?? parts.Clock.Now;
        var retryAfter = PendingGap(credential, asked, parts.Clock.Now - since);
        var request = new PendingRequest
        {
            Id = credential.Id,
            KeyId = credential.KeyId,
            Spki = CertificateFacts.SpkiOf(prepared.Key.SubjectPublicKeyInfo),
            Url = order.Url.ToString(),
            Reenroll = order.Reenroll,
            Credential = order.Shown.Name,
            RequestedName = prepared.Plan.Name,
            AskedAt = parts.Clock.Now,
            Since = since,
            RetryAfter = retryAfter,
            Csr = order.Csr,
        };
        // Flash memory wears: of short waits the file need not know how often they were.
        if (retryAfter >= WorthWriting || credential.Pending is not { } known || known with { AskedAt = request.AskedAt, RetryAfter = retryAfter } != request)
            parts.Store.WritePending(request);
        parts.Checkpoint?.Invoke("pending");
        lock (table.Gate)
        {
            credential.ForgetFailures();
            credential.Pending = request;
            credential.Disappointments++;
            credential.WaitsSince = parts.Time.GetTimestamp();
            credential.WaitsFor = retryAfter;
            credential.Problem = new Client.CredentialProblem(
                $"the EST server at {order.Url} has the request for '{credential.Id}' and asks for patience (HTTP 202, credential '{order.Shown.Name}')",
                $"the same request is sent again in {retryAfter.TotalSeconds:0} s; perhaps somebody has to approve it there", "est_pending");
        }

        credential.CountAttempt(AttemptResult.Pending);
        parts.Events.Pending(request);
    }

    /// <summary>
    /// Who has nothing yet asks every five minutes at least. Who has a certificate that is good asks the more rarely the longer it takes (a tenth of
    /// the time so far), so that a fleet whose requests nobody approves is no burden, but often enough before its end.
    /// </summary>
    private TimeSpan PendingGap(Credential credential, TimeSpan asked, TimeSpan waited)
    {
        var gap = credential.PendingBackoff.Next(asked);
        if (credential is not { KeyMissing: false, Current: { } current } || Needs.IsExpired(current, parts.Clock)) return gap;
        var patience = waited / 10 < LongestPendingGap ? waited / 10 : LongestPendingGap;
        var left = (current.NotAfter - parts.Clock.Now) / 10;
        if (left < patience) patience = left;
        return gap > patience ? gap : patience;
    }

    private void ForgetPending(Credential credential)
    {
        parts.Store.DeletePending(credential.Id);
        lock (table.Gate) credential.Pending = null;
        credential.PendingBackoff.Reset();
    }
}
