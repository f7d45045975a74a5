using EstProv.Certificates.Store;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>
/// The steps from one certificate to the next: recover, prepare (stage a key, make the request), issue, prove, commit, promote, retire. Each
/// leaves on disk and in keyd a state from which the next start goes on (the table in this library's README). They run on the
/// thread that has made the credential busy.
/// </summary>
internal sealed partial class CredentialSteps(
    EngineParts parts, CredentialTable table, IdentityChoice identities, Proofs proofs, BootstrapGuard bootstrap, Replacements replacements)
{
    /// <summary>Does what can be done now. Returns when nothing is left, or when it waits for another credential, for a caller or for a time.</summary>
    /// <exception cref="ProblemException">The attempt failed.</exception>
    public void Run(Credential credential, CancellationToken cancel)
    {
        if (credential.KeyMissing) credential.Recovered = false;
        table.RefreshOperatorFile(credential);
        Recover(credential);
        if (!credential.Recovered) return;
        if (credential.PromotionDue) Promote(credential);
        if (credential.TakesBack) TakeBack(credential);
        if (credential.Staged is { } old && Needs.IsExpired(old, parts.Clock)) DropStaged(credential, "it has expired before anybody could prove it");
        if (!credential.Recovered) return;
        if (credential.Staged is null)
        {
            lock (table.Gate)
            {
                if (Needs.Of(credential, parts.Clock, identities.BootstrapAlways(credential)) == Need.None) return;
            }

            GiveUpOldRequest(credential);
            if (IsWaiting(credential))
            {
                // Most servers ask for nothing special; where one does, it is asked as soon as what is waited for is there.
                PrepareAhead(credential);
                if (IsWaiting(credential)) return;
            }

            if (!Issue(credential, cancel)) return;
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
            if (credential.StagedKey is null) DropStaged(credential, "its key is gone");
            else if (IsOutdated(credential, staged)) DropStaged(credential, "the operator's file has changed since");
            else if (IsFromElsewhere(credential, staged)) DropStaged(credential, "it is to come from somewhere else by now");
        }

        if (credential.Pending is { } pending && parts.Keys.FindKeyPair(credential.KeyId, System.Buffers.Text.Base64Url.DecodeFromChars(pending.Spki)) is null)
            ForgetPending(credential);

        if (credential.Operator is { } file && file.OperatorFile == credential.RejectedOperatorFile && parts.Keys.FindKeyPair(credential.KeyId, file.SpkiHash) is not null)
            lock (table.Gate) credential.RejectedOperatorFile = null;

        KeyReference? key = null;
        var judged = credential.Current;
        if (judged is not null)
        {
            key = parts.Keys.FindKeyPair(credential.KeyId, judged.SpkiHash);
            if (key is null && judged.Kind == StoredKind.Operator && credential.Stored is { } own)
            {
                parts.Events.Note(credential.Id, "the Key Service has no key for the operator's file; the certificate issued before stays in use");
                lock (table.Gate) credential.RejectedOperatorFile = judged.OperatorFile;
                judged = own;
                key = parts.Keys.FindKeyPair(credential.KeyId, own.SpkiHash);
            }

            // What is in use here is in use in keyd: no harm where it is so already.
            if (key is not null) PromoteKey(credential, judged);
        }

        lock (table.Gate)
        {
            // The operator may have brought another file meanwhile: then that one is to be looked at.
            if (!ReferenceEquals(credential.Current, judged)) return;
            credential.Key = key;
            if (credential.Current is not null && key is null && !credential.KeyMissing)
                parts.Events.Note(credential.Id, $"the Key Service has no key '{credential.KeyId}' for it; it cannot be used");
            credential.KeyMissing = credential.Current is not null && key is null;
            credential.PromotionDue = false;
            credential.Recovered = true;
            Monitor.PulseAll(table.Gate);
        }
    }

    private static bool IsOutdated(Credential credential, StoredCertificate staged) =>
        credential.Operator is { } file && file.OperatorFile != credential.RejectedOperatorFile && staged.OperatorFile != file.OperatorFile;

    /// <summary>Not from where the configuration says: it may have been changed because what comes from there is refused.</summary>
    private bool IsFromElsewhere(Credential credential, StoredCertificate staged)
    {
        if (staged.Url is not { } url || credential.Issuance is not { } issuance) return false;
        try
        {
            return url != SourceOf(credential.Id, issuance.Method);
        }
        catch (ProblemException)
        {
            // There is no other place to have it from.
            return false;
        }
    }

    private bool IsWaiting(Credential credential)
    {
        lock (table.Gate) return identities.MissingFor(credential) is not null;
    }
}
