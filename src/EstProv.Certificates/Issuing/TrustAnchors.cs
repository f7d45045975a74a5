using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>What EST servers are verified against, as it is now.</summary>
/// <param name="Certificates">The anchors.</param>
/// <param name="DeviceCaIssuers">Those who signed our device CA: a server's path must not run through a CA that they signed.</param>
/// <param name="Fingerprint">Another one as soon as anything is another.</param>
internal sealed record AnchorSet(X509Certificate2Collection Certificates, X509Certificate2Collection DeviceCaIssuers, string Fingerprint);

/// <summary>
/// <c>trusted_certs</c> where set, else the trust bundle. The files are read on each use; nothing that came from the network is among them.
/// </summary>
/// <param name="read">PEM of a certificate id or bundle.</param>
/// <param name="deviceCaChain">PEM of our device CA with its chain; null while there is none.</param>
internal sealed class TrustAnchors(EstIssuance configuration, Func<string, string> read, Func<string?> deviceCaChain)
{
    private const string TrustBundle = "trust-bundle";

    private readonly Lock _gate = new();
    private AnchorSet _known = new([], [], "");

    /// <exception cref="ProblemException"><c>est_no_trust</c>; what reading a file of the operator's says.</exception>
    /// <param name="deviceCaInstead">As if this were our device CA.</param>
    public AnchorSet Read(string? deviceCaInstead = null)
    {
        var (pem, deviceCa) = (Text(), deviceCaInstead ?? deviceCaChain() ?? "");
        var fingerprint = $"{ContentHash.Of(Encoding.ASCII.GetBytes(pem))} {ContentHash.Of(Encoding.ASCII.GetBytes(deviceCa))}";
        lock (_gate)
        {
            if (_known.Fingerprint == fingerprint) return _known;
        }

        try
        {
            var anchors = PemText.Parse(pem);
            var set = new AnchorSet(anchors, IssuersOf(PemText.Parse(deviceCa), anchors), fingerprint);
            lock (_gate) _known = set;
            return set;
        }
        catch (CryptographicException cause)
        {
            throw new ProblemException("preloaded_no_certificate", "a certificate that EST servers are verified against cannot be read",
                $"check the files of {Source()}", 503, cause);
        }
    }

    private static X509Certificate2Collection IssuersOf(X509Certificate2Collection deviceCa, X509Certificate2Collection anchors)
    {
        var issuers = new X509Certificate2Collection();
        if (deviceCa.Count == 0) return issuers;
        X509Certificate2Collection candidates = [.. deviceCa, .. anchors];
        foreach (var candidate in candidates)
        {
            if (candidate.SubjectName.RawData.AsSpan().SequenceEqual(deviceCa[0].IssuerName.RawData)) issuers.Add(candidate);
        }

        return issuers;
    }

    private string Text()
    {
        try
        {
            if (configuration.TrustedCerts is not { } ids) return read(TrustBundle);
            var pem = "";
            foreach (var id in ids.Value) pem += read(id);
            return pem;
        }
        catch (ProblemException) when (configuration.TrustSystem && configuration.TrustedCerts is null)
        {
            return "";
        }
        catch (ProblemException problem) when (problem.Code == "certificate_not_found")
        {
            throw new ProblemException("est_no_trust", $"{configuration.Position}: there is nothing to verify EST servers against: {problem.Message}",
                "put the EST server's CA into [preloaded_certs] \"trust-bundle\", or set trusted_certs or trust = \"system\" in [cert_issuance.est]", 503, problem);
        }
    }

    private string Source() => configuration.TrustedCerts is { } ids ? $"trusted_certs ({ids.Position})" : "the trust bundle";
}
