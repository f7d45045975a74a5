using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Configuration.Identityd;
using EstProv.Est;
using EstProv.Est.Transport;
using EstProv.Identity.Provisioning;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Dps;

/// <summary>
/// One registration from a credential to an assignment: the anchors for DPS from the Certificates Service, a TLS client whose key stays in the
/// Key Service, the registration. Nothing of it stays in memory afterwards.
/// </summary>
internal sealed class DpsRegistrar(
    DpsProvisioning settings,
    ICertificateClient certificates,
    IdentityOpener open,
    BelievedClock clock,
    ILogger logger)
{
    /// <exception cref="ProblemException">DPS's (<see cref="DpsCodes"/>, <c>dps_tls_*</c>), the Certificates Service's or the Key Service's.</exception>
    public async Task<DpsAssignment> RegisterAsync(DeviceCredential credential, string registrationId, CancellationToken cancel)
    {
        var request = new DpsRequest
        {
            Endpoint = settings.GlobalEndpoint.Value,
            ScopeId = settings.ScopeId,
            RegistrationId = registrationId,
            Credential = credential.Description,
            Issuer = credential.Leaf.Issuer,
        };
        clock.Raise(new DateTimeOffset(credential.Leaf.NotBefore));

        var trust = await TrustAsync(cancel);
        try
        {
            using var identity = open(credential);
            var server = new TlsServer
            {
                Url = request.Endpoint,
                Trust = trust,
                Clock = clock,
                ClientCertificate = identity.Context,
                Timeout = DpsClient.ExchangeTimeout,
                Credential = credential.CertificateId,
                Kind = "a DPS endpoint",
                Codes = DpsCodes.Codes,
            };
            using var client = new DpsClient(server, clock.TimeProvider, logger);
            return await client.RegisterAsync(request, cancel);
        }
        finally
        {
            foreach (var anchor in trust.Anchors) anchor.Dispose();
        }
    }

    /// <summary><c>trusted_certs</c>, else the system's store. The trust bundle is for EST and for modules, never for the cloud.</summary>
    private async Task<EstTrust> TrustAsync(CancellationToken cancel)
    {
        if (settings.TrustedCerts is not { } trusted) return new EstTrust { Anchors = [], System = true };
        var anchors = new X509Certificate2Collection();
        foreach (var id in trusted.Value)
        {
            try
            {
                anchors.AddRange(await certificates.GetAsync(id, cancel));
            }
            catch (ProblemException missing) when (missing.Code == "certificate_not_found")
            {
                throw new ProblemException(missing.Code, $"{trusted.Position}: DPS is to be verified against the certificate {id}, which is not there",
                    "preload it in certd.toml, or correct trusted_certs", 503, missing);
            }
        }

        return new EstTrust { Anchors = anchors };
    }
}
