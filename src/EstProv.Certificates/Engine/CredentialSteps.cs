using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Est;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>
/// The steps from one certificate to the next: recover, prepare (stage a key, make the request), issue, prove, commit, promote, retire. Each
/// leaves on disk and in keyd a state from which the next start goes on (the table in this library's README). They run on the
/// thread that has made the credential busy.
/// </summary>
internal sealed class CredentialSteps(EngineParts parts, CredentialTable table, IdentityChoice identities, Proofs proofs, BootstrapGuard bootstrap)
{
    private const string SubjectAlternativeName = "2.5.29.17";

    /// <summary>So often may a new certificate be refused where it is to be proved, before another one is asked for.</summary>
    private const int MostRefusals = 3;

    /// <summary>Does what can be done now. Returns when nothing is left, or when it waits for another credential, for a caller or for a time.</summary>
    /// <exception cref="ProblemException">The attempt failed.</exception>
    public void Run(Credential credential, CancellationToken cancel)
    {
        if (credential.KeyMissing) credential.Recovered = false;
        table.RefreshOperatorFile(credential);
        Recover(credential);
        if (credential.PromotionDue)
        {
            Promote(credential);
            if (credential.ProvedByCaller) MarkUsed(credential);
        }

        if (credential.Staged is { } old && Needs.IsExpired(old, parts.Clock)) DropStaged(credential, "it has expired before anybody could prove it");
        if (credential.Staged is null)
        {
            lock (table.Gate)
            {
                if (Needs.Of(credential, parts.Clock, identities.BootstrapAlways) == Need.None) return;
            }

            var plan = Prepare(credential);
            lock (table.Gate)
            {
                if (identities.MissingFor(credential) is not null) return;
            }

            if (!Issue(credential, plan, cancel)) return;
        }

        if (Prove(credential, cancel)) Commit(credential);
    }

    /// <summary>Compares what is on disk with keyd's keys, and does again what was interrupted. Once after the start.</summary>
    public void Recover(Credential credential)
    {
        if (credential.Recovered) return;
        if (credential.Staged is { } staged)
        {
            credential.StagedKey = parts.Keys.FindKeyPair(credential.KeyId, staged.SpkiHash);
            if (credential.StagedKey is null || IsOutdated(credential, staged)) DropStaged(credential, "its key is gone, or the operator's file has changed since");
        }

        if (credential.Pending is { } pending && parts.Keys.FindKeyPair(credential.KeyId, System.Buffers.Text.Base64Url.DecodeFromChars(pending.Spki)) is null)
            ForgetPending(credential);

        KeyReference? key = null;
        if (credential.Current is { } current)
        {
            key = parts.Keys.FindKeyPair(credential.KeyId, current.SpkiHash);
            if (key is null && current.Kind == StoredKind.Operator && credential.Stored is { } own)
            {
                parts.Events.Note(credential.Id, "the Key Service has no key for the operator's file; the certificate issued before stays in use");
                lock (table.Gate) credential.RejectedOperatorFile = current.OperatorFile;
                key = parts.Keys.FindKeyPair(credential.KeyId, own.SpkiHash);
            }

            // What is in use here is in use in keyd: no harm where it is so already.
            if (key is not null) PromoteKey(credential.KeyId, credential.Current!);
        }

        lock (table.Gate)
        {
            credential.Key = key;
            if (credential.Current is not null && key is null && !credential.KeyMissing)
                parts.Events.Note(credential.Id, $"the Key Service has no key '{credential.KeyId}' for it; it cannot be used");
            credential.KeyMissing = credential.Current is not null && key is null;
            credential.PromotionDue = false;
            credential.Recovered = true;
            Monitor.PulseAll(table.Gate);
        }
    }

    /// <summary>Makes the staged certificate the one in use; its rename is the point of no return. Then keyd follows.</summary>
    public void Commit(Credential credential)
    {
        var staged = credential.Staged!;
        if (IsOutdated(credential, staged))
        {
            DropStaged(credential, "the operator's file has changed since");
            throw new ProblemException("not_staged", $"the operator has brought another certificate '{credential.Id}' meanwhile", "ask for it with ensure", 409);
        }

        var key = parts.Keys.FindKeyPair(credential.KeyId, staged.SpkiHash);
        if (key is null)
        {
            DropStaged(credential, "its key is gone");
            throw new ProblemException("key_not_found", $"the Key Service lost the key of the new certificate '{credential.Id}' before it came into use",
                "another one is asked for", 503);
        }

        parts.Store.Commit(credential.Id);
        parts.Checkpoint?.Invoke("committed");
        parts.Clock.Raise(staged.NotBefore);
        lock (table.Gate)
        {
            credential.Stored = staged;
            credential.Staged = null;
            credential.StagedKey = null;
            credential.Prepared = null;
            credential.Key = key;
            credential.KeyMissing = false;
            credential.RefusedByServer = false;
            credential.Used = false;
            credential.PromotionDue = true;
            credential.ForgetFailures();
        }

        parts.Events.Committed(staged);
        Promote(credential);
        if (ReferenceEquals(credential, table.Identity)) parts.Est?.Forget(new ShownCredential(credential.Id, staged.Pem, key.Handle));
        if (credential.ProvedByCaller) MarkUsed(credential);
    }

    /// <summary>The current key has done its work: the one before it is not needed any more.</summary>
    public void MarkUsed(Credential credential)
    {
        lock (table.Gate)
        {
            if (credential.Used || credential.PromotionDue || credential.Stored is null) return;
            credential.Used = true;
        }

        try
        {
            parts.Keys.RetirePrevious(credential.KeyId);
            parts.Checkpoint?.Invoke("retired");
        }
        catch (ProblemException problem)
        {
            // The old key does no harm; the next use tries again.
            lock (table.Gate) credential.Used = false;
            parts.Events.Note(credential.Id, $"the key before the current one could not be destroyed yet: {problem.ToLogText()}");
        }
    }

    /// <summary>Forgets a staged certificate and its key; the certificate first, so that it is never there without its key.</summary>
    public void DropStaged(Credential credential, string reason)
    {
        parts.Store.DiscardStaged(credential.Id);
        lock (table.Gate)
        {
            credential.Staged = null;
            credential.StagedKey = null;
            credential.Prepared = null;
        }

        parts.Checkpoint?.Invoke("staged dropped");
        parts.Keys.DiscardNext(credential.KeyId);
        parts.Events.Note(credential.Id, $"the new certificate is dropped: {reason}");
    }

    private static bool IsOutdated(Credential credential, StoredCertificate staged) =>
        credential.Operator is { } file && file.OperatorFile != credential.RejectedOperatorFile && staged.OperatorFile != file.OperatorFile;

    /// <summary>Stages the key and signs the request, before the credential that it is sent with is there.</summary>
    private RequestPlan Prepare(Credential credential)
    {
        var plan = PlanOf(credential);
        if (credential.Prepared?.Plan == plan) return plan;
        if (credential.LastAttempt is null && credential.Issuance!.CommonName is null && credential.WantedName is null)
            parts.Events.Note(credential.Id, $"no name is configured for it: the request asks for the common name '{plan.Name}'");

        var key = parts.Keys.StageNext(credential.KeyId, credential.Issuance!.KeyAlgorithm);
        parts.Checkpoint?.Invoke("key staged");
        byte[]? csr = null;
        if (credential.Issuance.Method == IssuanceMethod.Est)
        {
            var content = CertificateProfiles.Content(plan.Profile, SubjectOf(plan), AlternativeNamesOf(plan));
            csr = CertificateSigningRequests.Create(content, KeySigner.Of(parts.Keys, key));
        }

        lock (table.Gate) credential.Prepared = new PreparedRequest(key, plan, csr);
        return plan;
    }

    /// <summary>A certificate that renews itself asks for the very Subject and SAN that it has (RFC 7030 section 4.2.2).</summary>
    private RequestPlan PlanOf(Credential credential)
    {
        var keepsName = credential.Current is { } current && Needs.KeepsName(credential, current, parts.Clock);
        var reenroll = keepsName && ReferenceEquals(credential, table.Identity)
            && EstIdentitySources.Choose(credential, parts.Configuration.Est!, parts.Clock) == EstIdentitySource.Itself;
        if (reenroll)
        {
            var old = PemText.Parse(identities.ChainOf(credential.Current!))[0];
            var names = old.Extensions[SubjectAlternativeName];
            return new RequestPlan(Convert.ToBase64String(old.SubjectName.RawData), names is null ? null : Convert.ToBase64String(names.RawData), credential.Profile,
                true, credential.Current!.RequestedName ?? identities.NameFor(credential));
        }

        var name = (keepsName && credential.Current!.Kind == StoredKind.Credential ? credential.Current.RequestedName : null) ?? identities.NameFor(credential);
        return new RequestPlan(Convert.ToBase64String(SubjectNames.CommonName(name).RawData), null, credential.Profile, false, name);
    }

    private static X500DistinguishedName SubjectOf(RequestPlan plan) => new(Convert.FromBase64String(plan.Subject));

    private static X509Extension? AlternativeNamesOf(RequestPlan plan) =>
        plan.AlternativeNames is { } names ? new X509Extension(SubjectAlternativeName, Convert.FromBase64String(names), critical: false) : null;

    /// <returns>False when the server asks for patience.</returns>
    private bool Issue(Credential credential, RequestPlan plan, CancellationToken cancel)
    {
        var started = parts.Time.GetTimestamp();
        lock (table.Gate) credential.LastAttempt = parts.Clock.Now;
        var prepared = credential.Prepared!;
        StoredCertificate? staged;
        if (credential.Issuance!.Method == IssuanceMethod.DeviceCa) staged = Mint(credential, prepared);
        else if (Enroll(credential, prepared, cancel) is { } enrolled) staged = enrolled;
        else return false;

        staged = staged with
        {
            KeyId = credential.KeyId,
            RequestedName = plan.Name,
            OperatorFile = credential.Operator?.OperatorFile,
            ProvedByCaller = credential.ProvedByCaller,
        };
        parts.Store.WriteStaged(staged);
        parts.Checkpoint?.Invoke("staged");
        if (credential.Pending is not null) ForgetPending(credential);
        lock (table.Gate)
        {
            credential.Staged = staged;
            credential.StagedKey = prepared.Key;
            credential.Refusals = 0;
            credential.ForgetFailures();
            Monitor.PulseAll(table.Gate);
        }

        parts.Events.Issued(staged, parts.Time.GetElapsedTime(started));
        parts.Events.Staged(staged);
        return true;
    }

    private StoredCertificate Mint(Credential credential, PreparedRequest prepared)
    {
        var ca = identities.NeededFor(credential.Id, IssuanceMethod.DeviceCa)!;
        lock (table.Gate) (credential.LastUrl, credential.LastCredential) = (LocalUrl, ca.Id);
        StoredCertificate caCertificate;
        KeyReference caKey;
        lock (table.Gate) (caCertificate, caKey) = (ca.Current!, ca.Key!);
        var order = new MintOrder(PublicKey.CreateFromSubjectPublicKeyInfo(prepared.Key.SubjectPublicKeyInfo, out _), SubjectOf(prepared.Plan), credential.Profile);
        var chain = LocalMint.Mint(new LocalCa(PemText.Parse(identities.ChainOf(caCertificate)), KeySigner.Of(parts.Keys, caKey)), order, parts.Clock);
        MarkUsed(ca);
        return Describe(credential.Id, chain[0], PemText.Of(chain), LocalUrl, ca.Id);
    }

    /// <summary>Where locally minted certificates come from, in the place of a URL.</summary>
    public const string LocalUrl = "local:device-ca";

    private StoredCertificate? Enroll(Credential credential, PreparedRequest prepared, CancellationToken cancel)
    {
        var way = identities.WayFor(credential);
        var pending = credential.Pending;
        if (pending is not null && (pending.Credential != way.Shown.Name || pending.Url != way.Url.ToString() || pending.Spki != CertificateFacts.SpkiOf(prepared.Key.SubjectPublicKeyInfo)))
        {
            ForgetPending(credential);
            pending = null;
        }

        lock (table.Gate) (credential.LastUrl, credential.LastCredential) = (way.Url.ToString(), way.Shown.Name);
        if (way.BootstrapReason is { } reason)
        {
            bootstrap.Take();
            parts.Events.BootstrapUsed(way.Shown.Name, way.Url, reason);
        }

        var order = new EstOrder
        {
            Id = credential.Id,
            Url = way.Url,
            Shown = way.Shown,
            Csr = pending?.Csr ?? prepared.Csr!,
            SubjectPublicKeyInfo = prepared.Key.SubjectPublicKeyInfo,
            Reenroll = pending?.Reenroll ?? (way.Reenroll && prepared.Plan.Reenroll),
            CaWanted = credential.Profile == CertificateProfile.Ca,
            Subject = SubjectOf(prepared.Plan),
            AlternativeNames = AlternativeNamesOf(prepared.Plan),
        };
        EstOutcome outcome;
        try
        {
            outcome = parts.Est!.Enroll(order, cancel);
        }
        catch (ProblemException problem)
        {
            // The server does not know the request any more, or never will: the next one is a new one.
            if (pending is not null && problem.Code is "est_rejected" or "est_forbidden" or "est_not_found" or "est_wrong_key") ForgetPending(credential);
            NoteRefusal(way.Shown.Name, problem);
            throw;
        }

        if (table.Identity is { } identity && way.Shown.Name == identity.Id) Worked(identity);
        if (outcome is EstOutcome.Pending later)
        {
            Postpone(credential, prepared, order, later.RetryAfter);
            return null;
        }

        var chain = ((EstOutcome.Issued)outcome).Chain;
        parts.Checkpoint?.Invoke("enrolled");
        foreach (var note in chain.Notes) parts.Events.Note(credential.Id, note);
        return Describe(credential.Id, chain.Leaf, chain.ToPem(), way.Url.ToString(), way.Shown.Name);
    }

    /// <summary>The EST server has taken the EST identity.</summary>
    public void Worked(Credential identity)
    {
        lock (table.Gate) identity.RefusedByServer = false;
        MarkUsed(identity);
    }

    /// <summary>Only where the operator allowed it does a server's refusal open the way back to the bootstrap identity.</summary>
    public void NoteRefusal(string shown, ProblemException problem)
    {
        if (table.Identity is not { } identity || shown != identity.Id || !IsRefusal(problem)) return;
        lock (table.Gate) identity.RefusedByServer = true;
    }

    private static bool IsRefusal(ProblemException problem) => problem.Code is "est_unauthorized" or "est_forbidden" or "est_tls_alert";

    private void Postpone(Credential credential, PreparedRequest prepared, EstOrder order, TimeSpan retryAfter)
    {
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
            RetryAfter = retryAfter,
            Csr = order.Csr,
        };
        parts.Store.WritePending(request);
        parts.Checkpoint?.Invoke("pending");
        lock (table.Gate)
        {
            credential.ForgetFailures();
            credential.Pending = request;
            credential.Disappointments++;
            credential.WaitsSince = parts.Time.GetTimestamp();
            credential.WaitsFor = retryAfter > TimeSpan.FromSeconds(1) ? retryAfter : TimeSpan.FromSeconds(1);
            credential.Problem = new Client.CredentialProblem(
                $"the EST server at {order.Url} has the request for '{credential.Id}' and asks for patience (HTTP 202, credential '{order.Shown.Name}')",
                $"the same request is sent again in {retryAfter.TotalSeconds:0} s; perhaps somebody has to approve it there", "est_pending");
        }

        parts.Events.Pending(request);
    }

    private void ForgetPending(Credential credential)
    {
        parts.Store.DeletePending(credential.Id);
        lock (table.Gate) credential.Pending = null;
    }

    /// <returns>Whether the staged certificate may be committed.</returns>
    private bool Prove(Credential credential, CancellationToken cancel)
    {
        bool takesUnproved;
        lock (table.Gate) takesUnproved = Needs.TakesUnproved(credential, parts.Clock);
        if (!credential.ProvedByCaller && CanBeProvedNow(credential))
        {
            try
            {
                if (proofs.Prove(credential, credential.Staged!, credential.StagedKey!, cancel) is { } where) parts.Events.Proved(credential.Staged!, where);
                parts.Checkpoint?.Invoke("proved");
                return true;
            }
            catch (ProblemException problem) when (IsRefusal(problem) || credential.Profile == CertificateProfile.Ca && IsVerdict(problem))
            {
                lock (table.Gate) credential.Refusals++;
                if (credential.Refusals >= MostRefusals || credential.Profile == CertificateProfile.Ca) DropStaged(credential, problem.ToLogText());
                throw;
            }
            catch (ProblemException) when (takesUnproved)
            {
                // Cannot be reached: falls through.
            }
        }

        if (takesUnproved) parts.Events.Note(credential.Id, "the old certificate has expired before the new one could be proved; the new one is taken unproved");
        return takesUnproved;
    }

    /// <summary>A CA is judged by what the EST server says of itself, which is asked with the EST identity.</summary>
    private bool CanBeProvedNow(Credential credential)
    {
        lock (table.Gate) return credential.Profile != CertificateProfile.Ca || identities.MissingFor(credential) is null;
    }

    /// <summary>The check found the certificate wrong, as opposed to: it could not be done.</summary>
    private static bool IsVerdict(ProblemException problem) =>
        problem.Code is "device_ca_unusable" or "est_chain" or "est_is_ca" or "est_not_ca" or "est_expired" or "est_wrong_key";

    private void Promote(Credential credential)
    {
        PromoteKey(credential.KeyId, credential.Stored!);
        lock (table.Gate) credential.PromotionDue = false;
        parts.Checkpoint?.Invoke("promoted");
    }

    private void PromoteKey(string keyId, StoredCertificate certificate)
    {
        try
        {
            parts.Keys.Promote(keyId, certificate.SpkiHash);
        }
        catch (ProblemException problem) when (problem.Code == "key_mismatch")
        {
            // keyd has the key, but neither as the current one nor as the next: our state is older than keyd's (a backup). It works by its own handle.
            parts.Events.Note(certificate.Id, $"the Key Service's current key '{keyId}' is another one; this certificate's own key is used");
        }
    }

    private StoredCertificate Describe(string id, X509Certificate2 leaf, string pem, string url, string shown) =>
        CertificateFacts.Describe(id, StoredKind.Credential, leaf, pem, parts.Clock.Now, parts.Random.NextDouble()) with { Url = url, Credential = shown };
}
