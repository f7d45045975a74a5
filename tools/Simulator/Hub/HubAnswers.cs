using System.Globalization;
using System.Text.Json.Nodes;

namespace EstProv.Simulator.Hub;

/// <summary>Errors as the hub sends them: header <c>iothub-errorcode</c>, and one of two forms of body.</summary>
internal static class HubAnswers
{
    public static Task ErrorAsync(this Exchange exchange, HubError error)
    {
        exchange.Note = error.Detail ?? error.Message;
        exchange.Http.Response.Headers["iothub-errorcode"] = error.Code;
        var tracking = Guid.NewGuid().ToString("N").ToUpperInvariant();
        var now = exchange.Now.UtcDateTime;
        return exchange.JsonAsync(error.Status, error.IsNumbered
            ? new JsonObject
            {
                ["errorCode"] = error.Number,
                ["message"] = error.Message,
                ["trackingId"] = string.Create(CultureInfo.InvariantCulture, $"{tracking}-TimeStamp:{now:yyyy-MM-dd'T'HH:mm:ss'Z'}"),
                ["timestampUtc"] = now.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            }
            : new JsonObject
            {
                ["Message"] = $"ErrorCode:{error.Code};{error.Message}",
                ["ExceptionMessage"] = string.Create(CultureInfo.InvariantCulture, $"Tracking ID:{tracking}-TimeStamp:{now:MM/dd/yyyy HH:mm:ss}"),
            });
    }
}
