using EstProv.Certificates.Store;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>What is served under an id: a credential in use, a stored certificate, an operator's file or a bundle.</summary>
internal sealed class CertificateReader(PreloadedCertificates preloaded)
{
    public const string TrustBundle = "trust-bundle";

    /// <summary>Set once the engine is there; anchors are read through this before.</summary>
    public CredentialTable? Table { get; set; }

    /// <summary>Roots that EST servers have told of; set once they are there.</summary>
    public Issuing.LearntAnchors? Learnt { get; set; }

    /// <summary>The trust bundle has, besides what is configured, those learnt roots that a root in it vouches for: its readers verify what EST servers issue.</summary>
    /// <exception cref="ProblemException"><c>certificate_not_found</c> 400; what reading an operator's file says.</exception>
    public string Read(string id)
    {
        var pem = ReadConfigured(id);
        return id == Issuing.TrustAnchors.TrustBundle && preloaded.IsBundle(id) && Learnt is { } learnt ? pem + learnt.AdditionsTo(pem) : pem;
    }

    /// <summary>The same without anything that came from the network by itself.</summary>
    public string ReadConfigured(string id) => preloaded.IsBundle(id) ? preloaded.ReadBundle(id, Stored) : Find(id) ?? throw NotFound(id);

    /// <summary>Our device CA's certificate and those above it; null while there is none.</summary>
    public string? DeviceCaChain() => Table?.FindLocked(Issuing.CertificateProfiles.DeviceCa)?.Current is { Pem.Length: > 0 } ca ? ca.Pem : null;

    public static ProblemException NotFound(string id) =>
        new("certificate_not_found", $"there is no certificate '{id}'",
            "it is neither preloaded nor issued yet; estprov status tells how far it is", 400);

    private string? Find(string id)
    {
        if (Table is { } table && table.FindLocked(id) is { } credential) return OfCredential(table, credential, id);
        if (preloaded.IsFile(id))
        {
            var (pem, hash) = preloaded.ReadFile(id);
            // Something imported is newer than the file, until the file changes.
            return Table?.FindOtherLocked(id) is { } other && other.OperatorFile == hash ? other.Pem : pem;
        }

        return Table?.FindOtherLocked(id)?.Pem;
    }

    private string? OfCredential(CredentialTable table, Credential credential, string id)
    {
        table.RefreshOperatorFile(credential);
        StoredCertificate? current;
        bool keyMissing;
        lock (table.Gate) (current, keyMissing) = (credential.Current, credential.KeyMissing);
        if (current is null) return preloaded.IsFile(id) ? preloaded.ReadFile(id).Pem : table.FindOtherLocked(id)?.Pem;
        if (current.Kind == StoredKind.Operator) return preloaded.ReadFile(id).Pem;
        return keyMissing
            ? throw new ProblemException("key_not_found", $"the Key Service has no key for the certificate '{id}'",
                "another one is asked for by itself; estprov status tells how far it is", 503)
            : current.Pem;
    }

    private string? Stored(string id) => Table?.FindLocked(id) is null ? Table?.FindOtherLocked(id)?.Pem : Table.FindLocked(id)?.Current?.Pem;
}
