using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Configuration;
using EstProv.Est;
using EstProv.Platform;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// What DPS and the hub are verified against: <c>trusted_certs</c>, else the system's store. The trust bundle is for EST and for modules,
/// never for the cloud.
/// </summary>
/// <param name="trustedCerts">Null for the system's store.</param>
internal sealed class CloudTrust(Positioned<IReadOnlyList<string>>? trustedCerts, ICertificateClient certificates)
{
    /// <summary>The caller gives the anchors up.</summary>
    /// <param name="whom">Who is verified, for messages.</param>
    /// <exception cref="ProblemException"><c>certificate_not_found</c>; the Certificates Service's.</exception>
    public async Task<EstTrust> ReadAsync(string whom, CancellationToken cancel)
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
                throw new ProblemException(missing.Code,
                    $"{trusted.Position}: {whom} is to be verified against the certificate {id}, which is not there",
                    "preload it in certd.toml, or correct trusted_certs", 503, missing);
            }
        }

        return new EstTrust { Anchors = anchors };
    }
}
