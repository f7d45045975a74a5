using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Configuration.Identityd;
using EstProv.Est.Transport;
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
            using var identity = Open(shown);
            var token = shown is DeviceKey key
                ? new ResourceToken($"{settings.Hub}/devices/{Uri.EscapeDataString(settings.DeviceId)}", key.Id, null, keys, clock) : null;
            var connection = new VerifiedConnection(new TlsServer
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
            }, logger);
            using var http = new HttpClient(connection.CreateHandler());
            (http.Timeout, http.MaxResponseContentBufferSize) = (ExchangeTimeout, LargestAnswer);
            var isAnswered = await AskAsync(http, connection, shown, token, mayRepeat: true, cancel);
            if (!isAnswered) await AskAsync(http, connection, shown, token, mayRepeat: false, cancel);
        }
        finally
        {
            foreach (var anchor in anchors.Anchors) anchor.Dispose();
        }
    }

    private OpenedIdentity? Open(ShownCredential shown)
    {
        if (shown is not DeviceCredential credential) return null;
        clock.Raise(new DateTimeOffset(credential.Leaf.NotBefore));
        return open(credential);
    }

    /// <returns>False when the token was made by a clock that has been put right since: to be asked once more.</returns>
    private async Task<bool> AskAsync(HttpClient http, VerifiedConnection connection, ShownCredential shown, ResourceToken? token,
        bool mayRepeat, CancellationToken cancel)
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, Url);
        (message.Version, message.VersionPolicy) = (HttpVersion.Version11, HttpVersionPolicy.RequestVersionExact);
        message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        message.Headers.UserAgent.Add(new ProductInfoHeaderValue("EstProv", null));
        if (token is not null) message.Headers.TryAddWithoutValidation("Authorization", await token.GetAsync(cancel));
        try
        {
            using var response = await http.SendAsync(message, HttpCompletionOption.ResponseContentRead, cancel);
            var body = await response.Content.ReadAsByteArrayAsync(cancel);
            connection.TakeTime(response.Headers.Date);
            if (mayRepeat && response.StatusCode is HttpStatusCode.Unauthorized && token?.IsOutrun(response.Headers.Date) == true)
            {
                ClockLog.Outrun(logger, Url, response.Headers.Date!.Value);
                return false;
            }

            if (response.StatusCode is not HttpStatusCode.OK) throw Refusal(shown, response, connection.RetryAfter(response.Headers));
            if (!IsList(body)) throw Bad(shown, "it is not a list of modules in JSON");
            return true;
        }
        catch (Exception failure) when (!cancel.IsCancellationRequested && VerifiedConnection.IsTransport(failure))
        {
            throw connection.Explain(failure, message.Method, Url);
        }
    }

    private ProblemException Refusal(ShownCredential shown, HttpResponseMessage response, TimeSpan? retryAfter)
    {
        var status = (int)response.StatusCode;
        var (code, what, hint) = status switch
        {
            401 => (HubProofCodes.Unauthorized, $"did not accept {shown.Description} for device '{settings.DeviceId}' (401)",
                UnauthorizedHint(shown, response.Headers.Date)),
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
        return new ProblemException(code, $"{Url} {what}", hint, 503) { RetryAfter = retryAfter };
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
