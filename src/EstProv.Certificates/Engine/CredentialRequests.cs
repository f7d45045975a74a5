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
        var credential = Wish(id, keyId, commonName, provesItself);
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

            parts.Events.Failed(credential, problem, gap);
        }, cancel);
    }

    /// <summary>Stages a certificate that somebody brings for a key that keyd has; it is proved as any other, before it replaces the one in use.</summary>
    /// <exception cref="ProblemException"><c>key_mismatch</c>, <c>bad_certificate</c> 400.</exception>
    public void Import(Credential credential, StoredCertificate imported, CancellationToken cancel)
    {
        engine.Exclusively(credential, () =>
        {
            if (Needs.IsExpired(imported, parts.Clock))
                throw new ProblemException("bad_certificate", $"this certificate ended at {imported.NotAfter:yyyy-MM-dd HH:mm:ss}Z", "bring one that is valid", 400);
            if (parts.Keys.FindKeyPair(credential.KeyId, imported.SpkiHash) is not { } key)
            {
                throw new ProblemException("key_mismatch", $"the Key Service has no key '{credential.KeyId}' that belongs to this certificate",
                    "a certificate under this id must be for its key", 400);
            }

            engine.Steps.Stage(credential, imported with { Kind = StoredKind.Credential, KeyId = credential.KeyId }, key);
        }, cancel);
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
            }
        }, cancel);
    }

    private Credential Wish(string id, string keyId, string? commonName, bool provesItself)
    {
        lock (Table.Gate)
        {
            var credential = Table.Find(id);
            if (credential is null)
            {
                if (!parts.Configuration.Issuance.ContainsKey(id) && !parts.Preloaded.IsFile(id))
                {
                    throw new ProblemException("not_configured", $"certificate '{id}' is neither issued nor preloaded here",
                        $"add \"{id}\" = \"est\" or \"device-ca\" to [cert_issuance], or its file to [preloaded_certs]", 400);
                }

                credential = Table.Add(id, keyId);
            }
            else if (credential.KeyId != keyId)
            {
                if (credential.Stored is not null || credential.Staged is not null || credential.Pending is not null || credential.Prepared is not null || credential.Busy
                    || ReferenceEquals(credential, Table.Identity) || ReferenceEquals(credential, Table.DeviceCa))
                {
                    throw new ProblemException("key_id", $"certificate '{id}' goes with key '{credential.KeyId}', not with '{keyId}'",
                        "use the same pair of ids everywhere", 400);
                }

                credential.KeyId = keyId;
            }

            credential.Wanted = true;
            if (commonName is not null) (credential.WantedName, credential.NamedByCaller) = (commonName, true);
            if (provesItself && !ReferenceEquals(credential, Table.Identity) && credential.Profile != CertificateProfile.Ca) credential.ProvedByCaller = true;
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
        if (state == CredentialState.Current && !ReferenceEquals(credential, Table.Identity) && credential.Profile != CertificateProfile.Ca) engine.Steps.MarkUsed(credential);
        return answer;
    }

    private Credential Find(string id)
    {
        lock (Table.Gate) return Table.Find(id) ?? throw NotStaged(id);
    }

    private static ProblemException NotStaged(string id) => new("not_staged", $"there is no staged certificate '{id}' with this key",
        "ask for it with ensure; it may have been replaced meanwhile", 409);
}
