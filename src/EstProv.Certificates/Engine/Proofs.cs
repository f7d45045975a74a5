using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Est;
using EstProv.Keys.Client;

namespace EstProv.Certificates.Engine;

/// <summary>Uses a new certificate where it will be used, before it replaces the old one.</summary>
internal sealed class Proofs(EngineParts parts, CredentialTable table, IdentityChoice identities)
{
    /// <returns>Where it was proved, for the log; null when this certificate has no place where we could.</returns>
    /// <exception cref="Platform.ProblemException">It was refused, or the place cannot be reached.</exception>
    public string? Prove(Credential credential, StoredCertificate staged, KeyReference key, CancellationToken cancel)
    {
        if (table.IsIdentity(credential))
        {
            var url = identities.UrlOf(credential.Id);
            parts.Est!.Prove(url, identities.Show(credential, staged.Pem, key), cancel);
            return $"the EST server at {url.Authority} accepts it";
        }

        if (credential.Profile != CertificateProfile.Ca) return null;
        ProveCa(credential, staged, key, cancel);
        return "a test certificate verifies under it";
    }

    /// <summary>Signs a certificate that is thrown away, and verifies it as somebody else would.</summary>
    private void ProveCa(Credential credential, StoredCertificate staged, KeyReference key, CancellationToken cancel)
    {
        var ca = new LocalCa(PemText.Parse(staged.Pem), KeySigner.Of(parts.Keys, key));
        using var leafKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var spki = leafKey.ExportSubjectPublicKeyInfo();
        var order = new MintOrder(PublicKey.CreateFromSubjectPublicKeyInfo(spki, out _), SubjectNames.CommonName("EstProv test"), CertificateProfile.Client);
        var chain = LocalMint.Mint(ca, order, parts.Clock);

        if (credential.Issuance?.Method != IssuanceMethod.Est)
        {
            IssuedCertificateCheck.Verify(chain, spki, order.Subject, caWanted: false, [ca.Chain[^1]], [], parts.Clock,
                new IssuedFrom
                {
                    Url = new Uri(staged.Url ?? CredentialSteps.SelfUrl),
                    Credential = credential.Id,
                    CertificateId = $"{credential.Id} (test certificate)",
                });
            return;
        }

        var url = identities.UrlOf(credential.Id);
        var shown = identities.ShownFor(credential.Id);
        var (anchors, caCertificates) = parts.Est!.TrustFor(url, shown, cancel);
        IssuedCertificateCheck.Verify(chain, spki, order.Subject, caWanted: false, anchors, caCertificates, parts.Clock,
            new IssuedFrom { Url = url, Credential = credential.Id, CertificateId = $"{credential.Id} (test certificate)" });
        // Each server once; its own by the label that has just issued it, since another one may be slow.
        var servers = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { url.Authority };
        parts.Est.DemandTrust(url, shown, staged.Pem, cancel);
        foreach (var server in EstUrls())
        {
            if (servers.Add(server.Value.Authority)) parts.Est!.DemandTrust(server.Value, shown, staged.Pem, cancel);
        }
    }

    private IEnumerable<Positioned<Uri>> EstUrls()
    {
        foreach (var shared in parts.Configuration.Est!.Urls.Values) yield return shared;
        foreach (var issuance in parts.Configuration.Issuance.Values)
        {
            if (issuance.Url is { } own) yield return own;
        }
    }
}
