using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Configuration;
using EstProv.Est;
using EstProv.Platform;

namespace EstProv.Identity.Hub;

/// <summary>What the hub is verified against: <c>trusted_certs</c> of <c>[provisioning]</c>, else the system's store. Never the trust bundle.</summary>
internal sealed class HubTrust(Positioned<IReadOnlyList<string>>? trustedCerts, ICertificateClient certificates)
{
    /// <summary>The caller gives the anchors up.</summary>
    /// <exception cref="ProblemException"><c>certificate_not_found</c>, and certd's others.</exception>
    public async Task<EstTrust> ReadAsync(CancellationToken cancel)
    {
        if (trustedCerts is not { } trusted) return new EstTrust { Anchors = [], System = true };
        var anchors = new X509Certificate2Collection();
        foreach (var id in trusted.Value)
        {
            try
            {
                anchors.AddRange(await certificates.GetAsync(id, cancel));
            }
            catch (ProblemException missing) when (missing.Code == "certificate_not_found")
            {
                throw new ProblemException(missing.Code, $"{trusted.Position}: the hub is to be verified against the certificate {id}, which is not there",
                    "preload it in certd.toml, or correct trusted_certs", 503, missing);
            }
        }

        return new EstTrust { Anchors = anchors };
    }
}
