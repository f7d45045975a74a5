using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>
/// What EST servers are verified against: <c>trusted_certs</c> where set, else the trust bundle. The files are read on each use; nothing that came
/// from the network is among them.
/// </summary>
/// <param name="read">PEM of a certificate id or bundle.</param>
/// <param name="deviceCaChain">PEM of our device CA with its chain; null while there is none.</param>
internal sealed class TrustAnchors(EstIssuance configuration, Func<string, string> read, Func<string?> deviceCaChain)
{
    private const string TrustBundle = "trust-bundle";

    private readonly Lock _gate = new();
    private string _pem = "";
    private X509Certificate2Collection _anchors = [];

    /// <exception cref="ProblemException"><c>est_no_trust</c>; what reading a file of the operator's says.</exception>
    public X509Certificate2Collection Read()
    {
        var pem = Text();
        lock (_gate)
        {
            if (pem == _pem) return _anchors;
        }

        try
        {
            var anchors = PemText.Parse(pem);
            lock (_gate) (_pem, _anchors) = (pem, anchors);
            return anchors;
        }
        catch (CryptographicException cause)
        {
            throw new ProblemException("preloaded_no_certificate", "a certificate that EST servers are verified against cannot be read",
                $"check the files of {Source()}", 503, cause);
        }
    }

    /// <summary>The certificates among our device CA's chain and <paramref name="anchors"/> that signed our device CA.</summary>
    public X509Certificate2Collection DeviceCaIssuers(X509Certificate2Collection anchors)
    {
        var issuers = new X509Certificate2Collection();
        if (deviceCaChain() is not { } pem) return issuers;
        var chain = PemText.Parse(pem);
        X509Certificate2Collection candidates = [.. chain, .. anchors];
        foreach (var candidate in candidates)
        {
            if (candidate.SubjectName.RawData.AsSpan().SequenceEqual(chain[0].IssuerName.RawData)) issuers.Add(candidate);
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
