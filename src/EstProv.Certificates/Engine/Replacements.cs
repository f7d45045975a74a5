using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Distrust;
using EstProv.Certificates.Store;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>
/// Finds what is to be replaced before its own time: what a CA of ours minted before it was renewed, and what is under a CA that is distrusted.
/// Parses certificates only where something is distrusted.
/// </summary>
internal sealed class Replacements(EngineParts parts, CredentialTable table, IdentityChoice identities)
{
    /// <summary>A renewed CA's certificates come one after another, not at once: each needs a key of the token and a proof at its user's.</summary>
    private static readonly TimeSpan AfterIssuer = TimeSpan.FromHours(1);

    /// <summary>At the start, and where the list of distrusted CAs has changed.</summary>
    public void JudgeAll()
    {
        List<Credential> credentials;
        lock (table.Gate) credentials = [.. table.Credentials];
        foreach (var credential in credentials) Judge(credential);
    }

    /// <summary>Called outside of the gate, after its current certificate, a CA of ours or the list of distrusted CAs may have changed.</summary>
    public void Judge(Credential credential)
    {
        StoredCertificate? current;
        lock (table.Gate) current = credential.Issuance is null ? null : credential.Current;
        var found = current is null ? null : Of(current, () => identities.ChainOf(current));
        lock (table.Gate)
        {
            if (current is null || ReferenceEquals(credential.Current, current)) credential.Replacement = found;
        }
    }

    /// <summary>Of any certificate that is stored; null for none.</summary>
    /// <param name="chain">Its PEM, asked for only where needed.</param>
    public Replacement? Of(StoredCertificate certificate, Func<string> chain)
    {
        var renewed = IssuerRenewed(certificate);
        return Distrusted(certificate, chain) is { } distrusted && (renewed is null || distrusted.From < renewed.From) ? distrusted : renewed;
    }

    /// <summary>The entry that a chain just issued is under; null for none.</summary>
    public DistrustEntry? DistrustOf(IReadOnlyList<X509Certificate2> path) => parts.Distrusted is { IsEmpty: false } list ? list.Find(path) : null;

    private Replacement? IssuerRenewed(StoredCertificate certificate)
    {
        if (certificate.IssuerSpki is not { } spki || IssuerOf(certificate) is not { } issuer) return null;
        StoredCertificate? ca;
        lock (table.Gate) ca = issuer.Current;
        if (ca is null || (ca.Spki == spki && ca.Subject == certificate.Issuer)) return null;
        var left = certificate.NotAfter - ca.IssuedAt;
        var over = left > TimeSpan.Zero && left / 10 < AfterIssuer ? left / 10 : AfterIssuer;
        return new Replacement(certificate, Need.IssuerRenewed, ca.IssuedAt + over * DistrustEntry.Share($"{ca.Spki} {certificate.Spki}"), ca.Subject);
    }

    /// <summary>The CA of ours that has minted it; null when none has.</summary>
    private Credential? IssuerOf(StoredCertificate certificate) =>
        certificate.Url is { } url && url.StartsWith(CredentialSteps.LocalPrefix, StringComparison.Ordinal) ? table.FindLocked(url[CredentialSteps.LocalPrefix.Length..]) : null;

    private Replacement? Distrusted(StoredCertificate certificate, Func<string> chain)
    {
        if (parts.Distrusted is not { IsEmpty: false } list || certificate.TakenAllTheSame) return null;
        try
        {
            var pem = PemText.Parse(chain());
            // What a CA of ours has minted follows that CA: minted earlier, it would be under the distrusted one again.
            var entry = IssuerOf(certificate) is null ? list.Find(IssuerPath.Of(pem, Known())) : list.FindItself(pem[0]);
            return entry is null ? null : new Replacement(certificate, Need.Distrusted, entry.TurnOf(certificate.Spki), entry.Name.ToString());
        }
        catch (Exception cause) when (cause is CryptographicException or ProblemException)
        {
            // Unreadable files are told of where they are used.
            return null;
        }
    }

    /// <summary>Every certificate of the operator's files: roots that no stored chain holds are among them.</summary>
    private X509Certificate2Collection Known()
    {
        var known = new X509Certificate2Collection();
        foreach (var id in parts.Preloaded.FileIds)
        {
            try
            {
                known.AddRange(PemText.Parse(parts.Preloaded.ReadFile(id).Pem));
            }
            catch (Exception cause) when (cause is CryptographicException or ProblemException)
            {
                continue;
            }
        }

        return known;
    }
}
