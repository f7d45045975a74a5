using EstProv.Certificates.Distrust;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>A certificate that is under a distrusted CA still.</summary>
/// <param name="From">When its turn to be replaced is; null where its caller has to ask for another one.</param>
internal sealed record DistrustedCertificate(string Id, string Issuer, DateTimeOffset? From);

/// <summary>What came of distrusting a CA.</summary>
/// <param name="Unknown">URLs of EST servers that could not be asked whether they are verified still.</param>
internal sealed record DistrustAnswer(IReadOnlyList<DistrustEntry> Entries, IReadOnlyList<DistrustedCertificate> Certificates, IReadOnlyList<string> Unknown);

/// <summary>An operator says which CA is trusted no more, or takes it back.</summary>
internal sealed class DistrustRequests(EngineParts parts, CredentialEngine engine)
{
    private DistrustList List => parts.Distrusted!;

    /// <param name="over">Over how long what is under it is replaced.</param>
    /// <param name="force">Also where no EST server could be verified any more.</param>
    /// <exception cref="ProblemException"><c>distrust_locks_out</c> 409; what the disk says.</exception>
    public DistrustAnswer Distrust(IssuerName name, TimeSpan over, bool force, string by, CancellationToken cancel)
    {
        var unknown = new List<string>();
        var lost = new List<string>();
        foreach (var url in Servers())
        {
            if (parts.Est?.IsTrustedWithout(url, name, cancel) is not { } isTrusted) unknown.Add(url.ToString());
            else if (!isTrusted) lost.Add(url.Authority);
        }

        if (lost.Count > 0 && !force)
        {
            throw new ProblemException("distrust_locks_out", $"without '{name}' the EST server at {string.Join(", ", lost)} could not be verified any more, and nothing would be renewed",
                "add the CA that it is to be verified by to [preloaded_certs] first; or distrust this one all the same: --force", 409);
        }

        List.Add(name, over);
        parts.Events.Distrusted(name.ToString(), undone: false, by);
        engine.Replacements.JudgeAll();
        engine.Evaluate();
        return Answer(unknown);
    }

    /// <exception cref="ProblemException"><c>distrust_unknown</c>, <c>distrust_configured</c>, both 409; what the disk says.</exception>
    public DistrustAnswer Undo(IssuerName name, string by)
    {
        List.Remove(name);
        parts.Events.Distrusted(name.ToString(), undone: true, by);
        engine.Replacements.JudgeAll();
        engine.Evaluate();
        return Answer([]);
    }

    public DistrustAnswer Answer() => Answer([]);

    private DistrustAnswer Answer(IReadOnlyList<string> unknown)
    {
        var found = new List<DistrustedCertificate>();
        List<StoredCertificate> others;
        lock (engine.Table.Gate)
        {
            foreach (var credential in engine.Table.Credentials)
            {
                if (credential.Current is { } current && Needs.ReplacementOf(credential, current) is { Why: Need.Distrusted } replacement)
                    found.Add(new DistrustedCertificate(credential.Id, replacement.Issuer, replacement.From));
            }

            others = [.. engine.Table.Others];
        }

        foreach (var other in others)
        {
            if (engine.Replacements.Of(other, () => other.Pem) is { Why: Need.Distrusted } replacement) found.Add(new DistrustedCertificate(other.Id, replacement.Issuer, null));
        }

        found.Sort(static (one, two) => string.CompareOrdinal(one.Id, two.Id));
        return new DistrustAnswer(List.Entries, found, unknown);
    }

    /// <summary>One URL for each server.</summary>
    private List<Uri> Servers()
    {
        var servers = new List<Uri>();
        foreach (var url in parts.Configuration.Est?.Urls.Values ?? [])
        {
            if (!servers.Exists(known => known.Authority == url.Value.Authority)) servers.Add(url.Value);
        }

        return servers;
    }
}
