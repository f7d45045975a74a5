using EstProv.Certificates.Api;
using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Engine;

/// <summary>How far every certificate is, out of what is known already: reads no certificate.</summary>
internal sealed class CredentialListing(EngineParts parts, CredentialEngine engine)
{
    public CredentialList List()
    {
        var entries = new List<CredentialEntry>();
        lock (engine.Table.Gate)
        {
            foreach (var credential in engine.Table.Credentials)
            {
                if (credential.Wanted || credential.Current is not null || credential.Staged is not null) entries.Add(Of(credential));
            }

            foreach (var other in engine.Table.Others)
            {
                // Brought before it was one of ours, and about to be replaced.
                if (engine.Table.Find(other.Id) is not null) continue;
                entries.Add(Describe(other, other.Kind == StoredKind.Imported ? "imported" : "issued") with { NextRenewal = Utc.Format(engine.Announcements.TimeOf(other)) });
            }
        }

        entries.Sort(static (one, other) => string.CompareOrdinal(one.Id, other.Id));
        return new CredentialList { Credentials = entries };
    }

    private CredentialEntry Of(Credential credential)
    {
        var known = credential.Current ?? credential.Staged;
        var entry = known is null ? new CredentialEntry { Id = credential.Id, State = "" } : Describe(known, "");
        var problem = engine.ProblemOf(credential);
        var wait = Needs.Wait(credential, parts.Time);
        var isRenewed = credential is { Issuance: not null, Current: not null };
        return entry with
        {
            State = StateOf(credential),
            KeyId = credential.KeyId,
            Url = entry.Url ?? credential.LastUrl,
            Credential = entry.Credential ?? credential.LastCredential,
            LastAttempt = credential.LastAttempt is { } at ? Utc.Format(at) : null,
            Problem = problem is null ? null : Body(problem),
            NextRenewal = isRenewed ? Utc.Format(Needs.RenewalAt(credential, credential.Current!)) : null,
            RetrySeconds = wait > TimeSpan.Zero ? Math.Round(wait.TotalSeconds, 1) : null,
        };
    }

    private static string StateOf(Credential credential)
    {
        if (credential.Current is { } current) return credential.Staged is not null ? "staged" : current.Kind == StoredKind.Operator ? "preloaded" : "current";
        if (credential.Staged is not null) return "staged";
        if (credential.Pending is not null) return "pending";
        return "issuing";
    }

    public static ProblemBody Body(CredentialProblem problem) => new() { Message = problem.Message, Hint = problem.Hint, Code = problem.Code };

    private static CredentialEntry Describe(StoredCertificate certificate, string state) => new()
    {
        Id = certificate.Id,
        State = state,
        Subject = certificate.Subject,
        Issuer = certificate.Issuer,
        NotBefore = Utc.Format(certificate.NotBefore),
        NotAfter = Utc.Format(certificate.NotAfter),
        KeyAlgorithm = certificate.KeyAlgorithm,
        Url = certificate.Url,
        Credential = certificate.Credential,
    };
}
