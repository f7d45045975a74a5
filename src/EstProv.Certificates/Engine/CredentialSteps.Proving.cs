using EstProv.Certificates.Issuing;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>What is staged is proved where it will be shown, before anybody depends on it.</summary>
internal sealed partial class CredentialSteps
{
    /// <summary>So often may a new certificate be refused where it is to be proved, before another one is asked for.</summary>
    private const int MostRefusals = 3;

    /// <summary>So often may TLS fail with a key of a kind that nobody but the server asked for.</summary>
    private const int MostRefusalsOfServersKey = 2;

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
            catch (ProblemException problem) when (problem.Code is "est_tls" or "est_tls_alert" && KeyAlgorithmChoice.IsServersOwn(credential.Issuance!, credential.StagedKey!.SubjectPublicKeyInfo))
            {
                // libest's csrattrs ask for P-384, which its own TLS does not take of a client.
                lock (table.Gate) credential.Refusals++;
                if (credential.Refusals < MostRefusalsOfServersKey) throw;
                lock (table.Gate) credential.KeepsUsualKey = true;
                DropStaged(credential, "TLS fails with a key of the kind that the server's csrattrs ask for; one of the usual kind is made: " + problem.ToLogText());
                throw new ProblemException(problem.Code, problem.Message, problem.Hint, problem.Status, problem) { RetryAfter = problem.RetryAfter };
            }
            catch (ProblemException problem) when (IsVerdict(problem, credential.Profile))
            {
                lock (table.Gate) credential.Refusals++;
                if (credential.Refusals < MostRefusals && credential.Profile != CertificateProfile.Ca) throw;
                DropStaged(credential, problem.ToLogText());
                throw new ProblemException(problem.Code, problem.Message, problem.Hint, problem.Status, problem) { RetryAfter = credential.RefusalBackoff.Next(problem.RetryAfter) };
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

    /// <summary>The new certificate was found wrong, as opposed to: nobody could say. A CA is not itself shown to anybody.</summary>
    private static bool IsVerdict(ProblemException problem, CertificateProfile profile) => profile == CertificateProfile.Ca
        ? problem.Code is "device_ca_unusable" or "est_chain" or "est_is_ca" or "est_not_ca" or "est_expired" or "est_wrong_key"
        : IsRefusal(problem) || problem.Code == "est_rejected";
}
