using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Configuration.Identityd;
using EstProv.Est.Transport;
using EstProv.Identity.Cloud;
using EstProv.Identity.Dps;
using EstProv.Identity.Sas;
using EstProv.Keys.Client;
using EstProv.Platform;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// One light request to an IoT hub with the device's credential: the list of its modules (learn.microsoft.com/rest/api/iothub, <c>GET
/// /devices/{id}/modules</c>), which a device may ask for, and which changes nothing. An answer with the list proves the credential; 401
/// and a TLS alert refuse it; all else says nothing of it.
/// </summary>
/// <remarks>Errors: <see cref="HubProofCodes"/>, each naming the URL and the credential.</remarks>
internal sealed class HubProof(
    ManualProvisioning settings,
    CloudTrust trust,
    IdentityOpener open,
    SymmetricKeyClient keys,
    ProxyChoice? proxies,
    BelievedClock clock,
    ILogger logger)
{
    private const string ApiVersion = "2021-04-12";

    /// <summary>50 modules of a few hundred bytes each.</summary>
    private const int LargestAnswer = 256 * 1024;

    private static readonly TimeSpan ExchangeTimeout = TimeSpan.FromSeconds(30);

    /// <summary>At the hub, or at the gateway before it.</summary>
    public Uri Url { get; } = new($"https://{settings.LocalGatewayHostname ?? settings.Hub}/devices/" +
        $"{Uri.EscapeDataString(settings.DeviceId)}/modules?api-version={ApiVersion}");

    /// <exception cref="ProblemException">One of <see cref="HubProofCodes"/>, or a TLS problem of the server.</exception>
    public async Task ProveAsync(ShownCredential shown, CancellationToken cancel)
    {
        var anchors = await trust.ReadAsync("the hub", cancel);
        try
        {
            using var identity = shown.Open(open, clock);
            var token = shown is DeviceKey key
                ? new ResourceToken($"{settings.Hub}/devices/{Uri.EscapeDataString(settings.DeviceId)}", key.Id, null, keys, clock) : null;
            var server = new TlsServer
            {
                Url = Url,
                Trust = anchors,
                Clock = clock,
                ClientCertificate = identity?.Context,
                Timeout = ExchangeTimeout,
                Proxies = proxies,
                Credential = shown.Id,
                Kind = "an IoT hub",
                Codes = HubProofCodes.Codes,
            };
            using var exchange = new CloudExchange(server, token, LargestAnswer, logger);
            var answer = await exchange.SendAsync(HttpMethod.Get, Url, null, null, cancel);
            if (answer.Status is not HttpStatusCode.OK) throw Refusal(shown, answer);
            if (!IsList(answer.Body)) throw Bad(shown, "it is not a list of modules in JSON");
        }
        finally
        {
            foreach (var anchor in anchors.Anchors) anchor.Dispose();
        }
    }

    private ProblemException Refusal(ShownCredential shown, CloudAnswer answer)
    {
        var status = (int)answer.Status;
        var (code, what, hint) = status switch
        {
            401 => (HubProofCodes.Unauthorized, $"did not accept {shown.Description} for device '{settings.DeviceId}' (401)",
                UnauthorizedHint(shown, answer.Headers.Date)),
            403 => (HubProofCodes.Forbidden, $"forbids device '{settings.DeviceId}' to ask for its modules (403)",
                "see whether the device is enabled in the hub, and the hub's tier, quota and network rules; this says nothing of the " +
                    "credential"),
            404 => (HubProofCodes.NotFound, $"knows no device '{settings.DeviceId}' (404)",
                "register the device in the hub, or correct device_id and iothub_hostname in identityd.toml"),
            429 => (HubProofCodes.Throttled, "asks to come back later (429)", "nothing to do: it is tried again"),
            >= 500 => (HubProofCodes.ServerError, $"failed ({status})", "nothing to do on the device: it is tried again"),
            _ => (HubProofCodes.BadAnswer, $"answered {status} where a hub does not",
                "check iothub_hostname, and whether a proxy answers in the place of the hub"),
        };
        return new ProblemException(code, $"{Url} {what}", hint, 503) { RetryAfter = answer.RetryAfter };
    }

    private string UnauthorizedHint(ShownCredential shown, DateTimeOffset? told)
    {
        var device = $"the device must be registered and enabled in {settings.Hub}";
        if (shown is not DeviceCredential credential)
            return ClockHint.After($"{device}, with the key that keyd has as '{shown.Id}'", told, clock);
        var thumbprint = credential.Leaf.GetCertHashString(HashAlgorithmName.SHA256);
        return $"{device}: by CA with {credential.Leaf.Issuer} among the hub's certificates and the device id as common name, or by " +
            $"thumbprint with this certificate's, SHA-256 {thumbprint}. " +
            "It is kept and shown again until then, and one that is in use stays so";
    }

    private ProblemException Bad(ShownCredential shown, string why)
        => new(HubProofCodes.BadAnswer, $"{Url} answered {shown.Description} with something else than a hub would: {why}",
            "check iothub_hostname, and whether a proxy answers in the place of the hub", 503);

    private static bool IsList(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 16 });
            return document.RootElement.ValueKind is JsonValueKind.Array;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
