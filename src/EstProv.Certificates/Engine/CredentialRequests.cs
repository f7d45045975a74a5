using EstProv.Certificates.Client;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>What callers ask of credentials: ensure, confirm, refuse.</summary>
internal sealed class CredentialRequests(EngineParts parts, CredentialEngine engine)
{
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    private CredentialTable Table => engine.Table;

    /// <summary>Waits for a credential; answers before the time is up when there is one, or when an attempt failed meanwhile.</summary>
    /// <param name="provesItself">The caller will use the staged credential and confirm or refuse it.</param>
    /// <exception cref="ProblemException"><c>not_configured</c>, <c>key_id</c>, both 400; keyd's.</exception>
    public CredentialAnswer Ensure(string id, string keyId, string? commonName, TimeSpan wait, bool provesItself, CancellationToken cancel)
    {
        if (commonName is not null) _ = SubjectNames.CommonName(commonName);
        var credential = Wish(id, keyId, commonName, provesItself, out var brought);
        if (brought is not null) Use(brought, credential, cancel);
        Table.RefreshOperatorFile(credential);
        // Where its user shows it we are not there to see that its key is gone.
        if (credential.ProvedByCaller) engine.Steps.LookForKey(credential);
        int before;
        lock (Table.Gate)
        {
            // Keys come back; only keyd knows.
            if (credential.KeyMissing && credential.Issuance is null) credential.Recovered = false;
            before = engine.DisappointmentsOf(credential);
        }

        engine.Evaluate();
        engine.WaitUntil(wait < LongestWait ? wait : LongestWait, () => IsAnswered(credential) || engine.DisappointmentsOf(credential) > before, cancel);
        return Answer(credential);
    }

    /// <summary>Has a certificate renewed before its time, with a new key, and waits for what comes of it.</summary>
    /// <param name="now">Waiting times of failed attempts are not waited for, a server's wish for patience neither.</param>
    /// <param name="by">Who wants it, for the log.</param>
    /// <exception cref="ProblemException"><c>not_configured</c> 400; <c>renewed_just_now</c> 409, before as much time has passed as lies between two attempts at least.</exception>
    public CredentialAnswer Renew(string id, bool now, string by, TimeSpan wait, CancellationToken cancel)
    {
        var credential = Table.FindLocked(id);
        if (credential?.Issuance is null)
        {
            throw new ProblemException("not_configured", $"certificate '{id}' is not renewed here: it is not issued with a key of the Key Service",
                "estprov status lists what is; whoever has the key of another one asks for it himself", 400);
        }

        int before;
        StoredCertificate? replaced;
        lock (Table.Gate)
        {
            DemandFloor(credential);
            (before, replaced) = (engine.DisappointmentsOf(credential), credential.Current);
            credential.RenewalAsked = credential.Staged is null;
            credential.Wanted = true;
            if (now) ShortenWait(credential);
        }

        parts.Events.RenewalAsked(id, by);
        engine.Evaluate();
        engine.WaitUntil(wait < LongestWait ? wait : LongestWait, () => IsRenewed(credential, replaced) || engine.DisappointmentsOf(credential) > before, cancel);
        lock (Table.Gate)
        {
            if (!IsRenewed(credential, replaced)) return new CredentialAnswer(CredentialState.Pending, null, null, engine.ProblemOf(credential));
        }

        return Answer(credential);
    }

    /// <summary>Asks the EST server of a certificate for what it tells everybody.</summary>
    /// <param name="url">Its URL.</param>
    /// <exception cref="ProblemException"><c>est_*</c>: it does not answer, or cannot be verified.</exception>
    public EstReach TryServer(string id, out Uri url, CancellationToken cancel)
    {
        url = engine.Identities.UrlOf(id);
        var reach = parts.Est?.Reach(url, cancel) ?? new EstReach(false);
        if (reach.Problem is not { Code: "est_rejected" } rejection) return reach;
        // nginx says 400 to who shows no certificate. That the URL is right is known where what is in use came from it.
        if (HasIssued(url)) return reach with { WantsCredential = true, Problem = null };
        return reach with
        {
            Problem = new ProblemException(rejection.Code, rejection.Message,
                "either it tells nothing to who shows no certificate, or its label is not right: nothing that is in use came from there",
                rejection.Status, rejection),
        };
    }

    private bool HasIssued(Uri url)
    {
        var text = url.ToString();
        lock (Table.Gate)
        {
            foreach (var credential in Table.Credentials)
            {
                if (credential.Current?.Url == text) return true;
            }

            foreach (var other in Table.Others)
            {
                if (other.Url == text) return true;
            }
        }

        return false;
    }

    private static bool IsRenewed(Credential credential, StoredCertificate? replaced) =>
        credential is { Busy: false, Recovered: true } && (credential is { Staged: not null, StagedKey: not null, ProvedByCaller: true }
            || (credential.Current is not null && !ReferenceEquals(credential.Current, replaced)));

    private void DemandFloor(Credential credential)
    {
        if (credential.Current is not { Kind: StoredKind.Credential } current) return;
        var (passed, floor) = (parts.Clock.Now - current.IssuedAt, Renewal.RenewalPolicy.Floor(current.NotAfter - current.NotBefore));
        // A clock that was put back says nothing.
        if (passed < TimeSpan.Zero || passed >= floor) return;
        throw new ProblemException("renewed_just_now", $"certificate '{credential.Id}' was issued {passed.TotalSeconds:0} s ago",
            $"it can be renewed again in {(floor - passed).TotalSeconds:0} s", 409)
        {
            RetryAfter = floor - passed,
        };
    }

    /// <summary>To the least that lies between two attempts.</summary>
    private static void ShortenWait(Credential credential)
    {
        var floor = credential.Current is { } current ? Renewal.RenewalPolicy.Floor(current.NotAfter - current.NotBefore) : Renewal.RenewalPolicy.Floor(TimeSpan.MaxValue);
        if (credential.Pending is null && credential.WaitsFor > floor) credential.WaitsFor = floor;
    }

    /// <summary>The staged certificate was accepted where it is used. No error when it is the current one already.</summary>
    /// <exception cref="ProblemException"><c>not_staged</c> 409; what the disk and keyd say.</exception>
    public void Confirm(string id, string spki, CancellationToken cancel)
    {
        var credential = Find(id);
        engine.Exclusively(credential, () =>
        {
            Table.RefreshOperatorFile(credential);
            engine.Steps.Recover(credential);
            if (credential.Staged?.Spki != spki)
            {
                if (credential.Current?.Spki != spki) throw NotStaged(id);
                engine.Steps.MarkUsed(credential);
                return;
            }

            parts.Events.Proved(credential.Staged, "confirmed by its user");
            try
            {
                engine.Steps.Commit(credential);
                engine.Steps.MarkUsed(credential);
            }
            catch (ProblemException) when (credential.PromotionDue)
            {
                // It is in use, durably; keyd follows by itself as soon as it answers.
            }
        }, cancel);
    }

    /// <summary>The staged certificate was refused for good: another one is asked for, not at once.</summary>
    public void Refuse(string id, string spki, string reason, CancellationToken cancel)
    {
        var credential = Find(id);
        engine.Exclusively(credential, () =>
        {
            if (credential.Staged?.Spki != spki) return;
            var gap = credential.RefusalBackoff.Next();
            var problem = new ProblemException("credential_refused", $"the new certificate '{id}' was refused by those whom it was shown to: {reason}",
                "see to it that they accept certificates of its issuer; another one is asked for by itself", 503);
            engine.Steps.DropStaged(credential, reason);
            // It is in use already, by a commit that could not be finished.
            if (!credential.Recovered) return;
            lock (Table.Gate)
            {
                credential.Failures++;
                credential.Disappointments++;
                credential.Problem = new CredentialProblem(problem.Message, problem.Hint, problem.Code);
                credential.WaitsSince = parts.Time.GetTimestamp();
                credential.WaitsFor = gap;
            }

            parts.Events.Failed(credential, problem, credential.Failures, gap);
        }, cancel);
    }

    /// <summary>Stages a certificate that somebody brings for a key that keyd has; it is proved as any other, before it replaces the one in use.</summary>
    /// <exception cref="ProblemException"><c>key_mismatch</c>, <c>bad_certificate</c> 400.</exception>
    public void Import(Credential credential, StoredCertificate imported, CancellationToken cancel)
    {
        engine.Exclusively(credential, () =>
        {
            if (Needs.IsExpired(imported, parts.Clock))
            {
                throw new ProblemException("bad_certificate",
                    $"the certificate that was brought as '{credential.Id}' ended at {imported.NotAfter:yyyy-MM-dd HH:mm:ss}Z",
                    "bring one that is valid", 400);
            }

            if (parts.Keys.FindKeyPair(credential.KeyId, imported.SpkiHash) is not { } key)
            {
                throw new ProblemException("key_mismatch", $"the Key Service has no key '{credential.KeyId}' that belongs to this certificate",
                    "a certificate under this id must be for its key", 400);
            }

            engine.Steps.Stage(credential, imported with { Kind = StoredKind.Credential, KeyId = credential.KeyId }, key);
        }, cancel);
    }

    /// <summary>
    /// Stages what was brought before anybody asked for it; where its key is not keyd's, or it has expired, another one is got.
    /// </summary>
    private void Use(StoredCertificate brought, Credential credential, CancellationToken cancel)
    {
        try
        {
            Import(credential, brought, cancel);
        }
        catch (ProblemException problem) when (problem.Code is "key_mismatch" or "bad_certificate" or "forbidden")
        {
            parts.Events.Note(credential.Id, $"the certificate that was brought under this id is left aside: {problem.ToLogText()}");
        }

        lock (Table.Gate) (credential.Brought, credential.Wanted) = (brought, true);
    }

    /// <summary>Forgets what is stored under an id; no error where there is nothing.</summary>
    public void Forget(string id, CancellationToken cancel)
    {
        if (Table.FindLocked(id) is { } credential)
        {
            Delete(credential, cancel);
            return;
        }

        parts.Store.DeleteCommitted(id);
        bool wasThere;
        lock (Table.Gate) wasThere = Table.RemoveOther(id);
        if (wasThere) parts.Events.Deleted(id);
    }

    /// <summary>Forgets what is stored of a credential. Its key stays in keyd; an operator's file stays and is used again.</summary>
    public void Delete(Credential credential, CancellationToken cancel)
    {
        engine.Exclusively(credential, () =>
        {
            if (credential.Staged is not null) engine.Steps.DropStaged(credential, "deleted by a caller");
            parts.Store.DeletePending(credential.Id);
            parts.Store.DeletePrevious(credential.Id);
            parts.Store.DeleteCommitted(credential.Id);
            lock (Table.Gate)
            {
                credential.Pending = null;
                credential.Previous = null;
                credential.Stored = null;
                credential.Key = null;
                credential.KeyMissing = false;
                credential.Recovered = false;
                credential.Wanted = false;
                Table.RemoveOther(credential.Id);
                // Of what is gone: taking that back, or going on with a request of its name, would fail over and over.
                credential.TakesBack = false;
                credential.RefusedByServer = false;
                credential.Prepared = null;
                credential.RenewalAsked = false;
            }

            parts.Events.Deleted(credential.Id);
        }, cancel);
    }

    /// <param name="brought">What somebody has brought under this id while it was none of ours, to be used if it can be.</param>
    private Credential Wish(string id, string keyId, string? commonName, bool provesItself, out StoredCertificate? brought)
    {
        brought = null;
        lock (Table.Gate)
        {
            var credential = Table.Find(id);
            if (credential is null)
            {
                if (!parts.Configuration.Issuance.ContainsKey(id) && !parts.Preloaded.IsFile(id))
                {
                    throw new ProblemException("not_configured", $"certificate '{id}' is neither issued nor preloaded here",
                        $"add \"{id}\" = \"est\", \"device-ca\" or \"self_signed\" to [cert_issuance], or its file to [preloaded_certs]", 400);
                }

                credential = Table.Add(id, keyId);
            }
            else if (credential.KeyId != keyId)
            {
                if (credential.Stored is not null || credential.Staged is not null || credential.Pending is not null || credential.Prepared is not null || credential.Busy
                    || Table.IsIdentity(credential) || ReferenceEquals(credential, Table.DeviceCa))
                {
                    throw new ProblemException("key_id", $"certificate '{id}' goes with key '{credential.KeyId}', not with '{keyId}'",
                        "use the same pair of ids everywhere", 400);
                }

                credential.KeyId = keyId;
            }

            // That goes before another one.
            if (credential is { Stored: null, Staged: null, Pending: null, Busy: false } && Table.FindOther(id) is { Kind: StoredKind.Imported } other
                && !ReferenceEquals(other, credential.Brought)) brought = other;
            credential.Wanted = brought is null;
            if (commonName is not null) (credential.WantedName, credential.NamedByCaller) = (commonName, true);
            if (provesItself && !Table.IsIdentity(credential) && credential.Profile != CertificateProfile.Ca) credential.ProvedByCaller = true;
            return credential;
        }
    }

    private static bool IsAnswered(Credential credential)
    {
        if (!credential.Recovered) return false;
        return (credential is { Staged: not null, ProvedByCaller: true, StagedKey: not null }) || credential is { Current: not null, Key: not null, KeyMissing: false };
    }

    private CredentialAnswer Answer(Credential credential)
    {
        StoredCertificate? chosen = null;
        KeyReference? key = null;
        var state = CredentialState.Pending;
        lock (Table.Gate)
        {
            if (credential is { Recovered: true, Staged: not null, ProvedByCaller: true, StagedKey: not null })
                (state, chosen, key) = (CredentialState.Staged, credential.Staged, credential.StagedKey);
            else if (IsAnswered(credential))
                (state, chosen, key) = (CredentialState.Current, credential.Current, credential.Key);
            else
                return new CredentialAnswer(CredentialState.Pending, null, null, engine.ProblemOf(credential));
        }

        var answer = new CredentialAnswer(state, engine.Identities.ChainOf(chosen!), key!.Handle, null);
        // Whoever asked has it in hand now: the key before it has had its day.
        if (state == CredentialState.Current && !Table.IsIdentity(credential) && credential.Profile != CertificateProfile.Ca) engine.Steps.MarkUsed(credential);
        return answer;
    }

    private Credential Find(string id)
    {
        lock (Table.Gate) return Table.Find(id) ?? throw NotStaged(id);
    }

    private static ProblemException NotStaged(string id) => new("not_staged", $"there is no staged certificate '{id}' with this key",
        "ask for it with ensure; it may have been replaced meanwhile", 409);
}
