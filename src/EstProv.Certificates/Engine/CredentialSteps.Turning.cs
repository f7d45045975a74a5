using EstProv.Certificates.Store;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>What is proved takes the place of what is in use, and what has been replaced is put away.</summary>
internal sealed partial class CredentialSteps
{
    private static readonly TimeSpan WorthWriting = TimeSpan.FromMinutes(1);

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

        // The proof of an EST identity is an answer to a harmless question; whether enrolments are accepted shows later.
        var before = table.IsIdentity(credential) && !credential.KeyMissing ? credential.Current : null;
        if (before is not null && (before.Spki == staged.Spki || Needs.IsExpired(before, parts.Clock))) before = null;
        lock (credential.Turning) Turn(credential, staged, key, before);
        if (table.IsIdentity(credential)) parts.Est?.Forget(identities.Show(credential, staged.Pem, key));
    }

    private void Turn(Credential credential, StoredCertificate staged, KeyReference key, StoredCertificate? before)
    {
        if (before is not null) parts.Store.WritePrevious(before);
        parts.Checkpoint?.Invoke("previous kept");
        parts.Store.Commit(credential.Id);
        parts.Checkpoint?.Invoke("committed");
        parts.Clock.Raise(staged.NotBefore);
        bool leavesOlder;
        lock (table.Gate)
        {
            leavesOlder = before is null && credential.Previous is not null;
            credential.Previous = before;
            credential.TakesBack = false;
            credential.Stored = staged;
            // Its file had the same name.
            table.RemoveOther(credential.Id);
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

        // One from before this one's predecessor, which was never of use itself: nobody would ask for it again, and its file would lie there for good.
        if (leavesOlder) parts.Store.DeletePrevious(credential.Id);
        parts.Events.Committed(staged);
        Promote(credential);
    }

    /// <summary>The current key has done its work: the one before it is not needed any more.</summary>
    public void MarkUsed(Credential credential)
    {
        lock (table.Gate)
        {
            if (credential.Used) return;
        }

        lock (credential.Turning) Retire(credential);
    }

    private void Retire(Credential credential)
    {
        StoredCertificate used;
        lock (table.Gate)
        {
            if (credential.Used || credential.PromotionDue || credential.TakesBack || credential.Stored is null) return;
            credential.Used = true;
            used = credential.Current!;
        }

        try
        {
            if (credential.Previous is not null) parts.Store.DeletePrevious(credential.Id);
            lock (table.Gate) credential.Previous = null;
            parts.Checkpoint?.Invoke("previous forgotten");
            var isCurrent = IsKeydsCurrent(credential, used);
            if (!isCurrent)
            {
                PromoteKey(credential, used);
                isCurrent = IsKeydsCurrent(credential, used);
            }

            // Where keyd's current key is still another one (our state is older than keyd's: a backup), the one before it may be this certificate's own.
            if (isCurrent)
            {
                // The rename may be that of a process which was killed before its sync: the certificate before must not come back without its key.
                parts.Store.MakeDurable();
                parts.Keys.RetirePrevious(credential.KeyId);
            }

            parts.Checkpoint?.Invoke("retired");
            credential.RefusalBackoff.Reset();
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
        var (staged, key) = (credential.Staged!, credential.StagedKey);
        // A commit that failed may have come as far as its rename: then there is nothing to go back to on disk, and the key must stay.
        var isCommitted = parts.Store.IsCommitted(staged);
        if (!isCommitted) parts.Store.DiscardStaged(credential.Id);
        lock (table.Gate)
        {
            if (isCommitted) (credential.Stored, credential.Used, credential.Recovered) = (staged, false, false);
            credential.Staged = null;
            credential.StagedKey = null;
            credential.Prepared = null;
        }

        if (isCommitted) return;
        if (table.IsIdentity(credential) && key is not null) parts.Est?.Drop(identities.Show(credential, staged.Pem, key));
        parts.Checkpoint?.Invoke("staged dropped");
        // Not where it may be the key in use: of what was brought for that very key, and where keyd follows after the first use only (PromoteKey).
        if (credential.Previous is null && credential.Current?.Spki != staged.Spki) parts.Keys.DiscardNext(credential.KeyId);
        credential.CountAttempt(AttemptResult.Dropped);
        parts.Events.Dropped(staged, reason);
    }

    private void Promote(Credential credential)
    {
        PromoteKey(credential, credential.Stored!);
        lock (table.Gate) credential.PromotionDue = false;
        parts.Checkpoint?.Invoke("promoted");
    }

    /// <summary>Makes keyd's current key the one of a certificate in use.</summary>
    private void PromoteKey(Credential credential, StoredCertificate certificate, bool now = false)
    {
        // keyd keeps one key besides: where its current one is not that of the certificate before (which was taken back once), that one's would be
        // destroyed. Then keyd follows after the first use.
        if (!now && credential is { Used: false, Previous: { } previous } && !IsKeydsCurrent(credential, previous)) return;
        try
        {
            parts.Keys.Promote(credential.KeyId, certificate.SpkiHash);
        }
        catch (ProblemException problem) when (problem.Code == "key_mismatch")
        {
            // keyd has the key, but neither as the current one nor as the next: our state is older than keyd's (a backup). It works by its own handle.
            parts.Events.Note(certificate.Id, $"the Key Service's current key '{credential.KeyId}' is another one; this certificate's own key is used");
        }
    }

    private bool IsKeydsCurrent(Credential credential, StoredCertificate certificate) =>
        parts.Keys.FindKeyPair(credential.KeyId) is { } key && CertificateFacts.SpkiOf(key.SubjectPublicKeyInfo) == certificate.Spki;
}
