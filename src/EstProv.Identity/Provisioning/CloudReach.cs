using EstProv.Configuration.Identityd;
using EstProv.Est;
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

    public async Task<CloudAnswered> AskAsync(Uri url, CancellationToken cancel)
    {
        try
        {
            var anchors = await trust.ReadAsync(url.Host, cancel);
            try
            {
                return await AskAsync(url, anchors, cancel);
            }
            finally
            {
                foreach (var anchor in anchors.Anchors) anchor.Dispose();
            }
        }
        catch (ProblemException problem)
        {
            return new CloudAnswered(false, problem);
        }
    }

    private async Task<CloudAnswered> AskAsync(Uri url, EstTrust anchors, CancellationToken cancel)
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
        try
        {
            await exchange.SendAsync(HttpMethod.Get, url, null, null, cancel);
            return new CloudAnswered(true);
        }
        catch (ProblemException problem) when (problem.Code == Codes + "_tls_alert"
            || (problem.Code == Codes + "_reset" && exchange.IsVerified))
        {
            // With TLS 1.3 the alert comes when the server is verified already, and the end of the connection may overtake it. A
            // connection that ends before that may have been ended by anything on the way.
            return new CloudAnswered(exchange.IsVerified) { WantsCredential = true };
        }
    }
}
