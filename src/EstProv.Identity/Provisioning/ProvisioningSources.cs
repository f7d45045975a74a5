using EstProv.Certificates.Client;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Dps;
using EstProv.Keys.Client;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Provisioning;

/// <summary>Makes the source that the settings choose.</summary>
internal static class ProvisioningSources
{
    /// <param name="proxies">Through which DPS and the hub are reached; null for none.</param>
    public static IProvisioningSource Create(ProvisioningSettings settings, ICertificateClient certificates, IdentityOpener open,
        SymmetricKeyClient keys, ProxyChoice? proxies,
        BelievedClock clock, ILogger logger)
    {
        var trust = new CloudTrust(settings.TrustedCerts, certificates);
        return settings switch
        {
            DpsProvisioning dps => new DpsSource(dps, trust, open, keys, proxies, clock, logger),
            ManualProvisioning manual => new ManualSource(manual, new HubProof(manual, trust, open, keys, proxies, clock, logger)),
            NoneProvisioning none => new NoneSource(none, open, clock),
            _ => throw new ArgumentException("no source of provisioning", nameof(settings)),
        };
    }
}
