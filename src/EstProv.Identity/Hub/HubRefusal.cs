using System.Net.Http.Headers;
using System.Text.Json;
using EstProv.Est.Messages;
using EstProv.Identity.Cloud;
using EstProv.Platform;

namespace EstProv.Identity.Hub;

/// <summary>Makes the problem of an answer of IoT Hub's that is a refusal, with the likely cause as its hint.</summary>
internal static class HubRefusal
{
    private const int LongestCode = 64;
    private const string Again = "the device is registered again by itself (where dynamic_reprovisioning is false: estprov reprovision)";

    /// <param name="what">The URL, and who asked by which credential.</param>
    /// <param name="moduleId">The module that was asked for; null for all.</param>
    public static ProblemException Of(string what, string? moduleId, CloudAnswer answer)
    {
        var status = answer.Status;
        var error = ErrorCode(answer.Headers, answer.Body);
        var said = error is null ? $"{(int)status}" : $"{(int)status} {error}";
        var (code, text, hint, local) = (int)status switch
        {
            401 => (HubCodes.Unauthorized, $"did not accept the credential ({said})",
                $"{Again}; if that does not help, see the device in the hub: is it enabled, and registered with this credential?", 503),
            403 when IsQuota(error) => (HubCodes.Quota, $"takes no more of them ({said})",
                "a device has at most 50 modules, and a hub a daily quota", 503),
            403 => (HubCodes.Forbidden, $"forbids it ({said})",
                $"see the device in the hub and the hub's network rules; {Again}", 503),
            404 when moduleId is null || error is "DeviceNotFound" => (HubCodes.DeviceNotFound, $"does not know the device ({said})",
                $"it was removed from the hub: {Again}", 503),
            404 => (HubCodes.ModuleNotFound, $"has no module '{moduleId}' ({said})", "create it with POST /identities/modules", 404),
            // One that is made and is there already is never told so: it is used.
            409 => (HubCodes.Conflict, $"does not change it now ({said})", "ask again; if it stays so, see the module in the hub", 409),
            412 => (HubCodes.Changed, $"has another version of it by now ({said})", "somebody else changed it: ask again", 409),
            429 => (HubCodes.Throttled, $"asks to come back later ({said})", "nothing to do: ask again after Retry-After", 503),
            >= 500 => (HubCodes.ServerError, $"failed ({said})", "nothing to do on the device: ask again later", 503),
            >= 400 => (HubCodes.BadRequest, $"did not understand the request ({said})",
                "see the module's name and managedBy; if both are good, report it with the log", 400),
            _ => (HubCodes.BadAnswer, $"answered {said}, where IoT Hub does not", "check whether a proxy answers in the place of the hub",
                503),
        };
        return new ProblemException(code, $"{what}: the hub {text}", hint, local) { RetryAfter = answer.RetryAfter };
    }

    private static bool IsQuota(string? error)
        => error is "IotHubQuotaExceeded" or "ModuleMaximumReached" or "ModuleMaximumReachedOnDevice" or "DeviceMaximumQueueDepthExceeded";

    /// <summary>
    /// The hub's own name of the error: the header <c>iothub-errorcode</c>, else the body's <c>{"Message":"ErrorCode:NAME;…"}</c>.
    /// </summary>
    private static string? ErrorCode(HttpResponseHeaders headers, ReadOnlyMemory<byte> body)
    {
        if (headers.TryGetValues("iothub-errorcode", out var values))
        {
            foreach (var value in values) return Fit(value);
        }

        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 8 });
            if (document.RootElement.ValueKind is not JsonValueKind.Object
                || !document.RootElement.TryGetProperty("Message", out var message)
                || message.ValueKind is not JsonValueKind.String || message.GetString() is not { } text
                || !text.StartsWith("ErrorCode:", StringComparison.Ordinal)) return null;
            var end = text.IndexOf(';');
            return end < 0 ? null : Fit(text["ErrorCode:".Length..end]);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Fit(string text) => text.Length is > 0 and <= LongestCode && PeerText.Clean(text) == text ? text : null;
}
