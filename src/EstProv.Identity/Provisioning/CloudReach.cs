using EstProv.Configuration.Identityd;
using EstProv.Est.Transport;
using EstProv.Identity.Cloud;
using EstProv.Platform;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Provisioning;

/// <summary>Whether DPS and the hub answer and are verified, by the settings that the registration goes by. Nothing is shown to
/// them.</summary>
internal sealed class CloudReach(ProvisioningSettings settings, CloudTrust trust, ProxyChoice? proxies, BelievedClock clock, ILogger logger)
{
    private const string Codes = "cloud";

    private const int LargestAnswer = 256 * 1024;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    /// <summary>The servers that there are to be reached: DPS, then the device's hub, or the gateway before it.</summary>
    public IReadOnlyList<Uri> Servers(ProvisionedState? state)
    {
        var servers = new List<Uri>();
        if (settings is DpsProvisioning dps) servers.Add(dps.GlobalEndpoint.Value);
        var hub = state?.GatewayHost ?? settings.LocalGatewayHostname ?? (settings as ManualProvisioning)?.Hub;
        if (hub is { Length: > 0 }) servers.Add(new Uri($"https://{hub}/"));
        return servers;
    }

    /// <summary>
    /// Whether it is there, and wants a client certificate before anything else: a TLS alert to who shows none, or the end of the connection
    /// that came before the alert was read.
    /// </summary>
    public static bool WantsCertificate(ProblemException problem) => problem.Code is Codes + "_tls_alert" or Codes + "_reset";

    /// <returns>Null where it answers, whatever it says.</returns>
    public async Task<ProblemException?> AskAsync(Uri url, CancellationToken cancel)
    {
        try
        {
            var anchors = await trust.ReadAsync(url.Host, cancel);
            try
            {
                var server = new TlsServer
                {
                    Url = url,
                    Trust = anchors,
                    Clock = clock,
                    Timeout = Timeout,
                    Proxies = proxies,
                    Credential = "none",
                    Kind = settings is DpsProvisioning dps && dps.GlobalEndpoint.Value == url ? "DPS" : "an IoT hub",
                    Codes = Codes,
                };
                using var exchange = new CloudExchange(server, null, LargestAnswer, logger);
                await exchange.SendAsync(HttpMethod.Get, url, null, null, cancel);
                return null;
            }
            finally
            {
                foreach (var anchor in anchors.Anchors) anchor.Dispose();
            }
        }
        catch (ProblemException problem)
        {
            return problem;
        }
    }
}
