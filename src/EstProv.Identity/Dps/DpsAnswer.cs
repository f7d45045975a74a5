using System.Text.Json;
using EstProv.Est.Messages;

namespace EstProv.Identity.Dps;

/// <summary>
/// A <c>RegistrationOperationStatus</c> of the Device Provisioning Service, REST version 2021-06-01: <c>operationId</c>, <c>status</c> and,
/// once it is known, <c>registrationState</c>.
/// </summary>
internal sealed class DpsAnswer
{
    private const int LongestText = 256;

    public required string Status { get; init; }

    public string? OperationId { get; init; }

    public string? Hub { get; init; }

    public string? DeviceId { get; init; }

    /// <summary><c>registrationState.errorMessage</c> and <c>errorCode</c>, made fit for a log line.</summary>
    public string? Error { get; init; }

    /// <summary>Null for what is not such an answer: not JSON, a member twice, another type, no status.</summary>
    public static DpsAnswer? Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Strict);
            var root = document.RootElement;
            if (root.ValueKind is not JsonValueKind.Object) return null;
            var state = root.TryGetProperty("registrationState", out var found) && found.ValueKind is JsonValueKind.Object
                ? found : default;
            var status = Text(root, "status") ?? Text(state, "status");
            if (status is null) return null;
            return new DpsAnswer
            {
                Status = status,
                OperationId = Text(root, "operationId"),
                Hub = Text(state, "assignedHub"),
                DeviceId = Text(state, "deviceId"),
                Error = ErrorText(state, "errorMessage"),
            };
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>
    /// What a refusal says (<c>ProvisioningServiceErrorDetails</c>: message and errorCode); null when it says nothing readable.
    /// </summary>
    public static string? ReadError(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Strict);
            return document.RootElement.ValueKind is JsonValueKind.Object ? ErrorText(document.RootElement, "message") : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonDocumentOptions Strict => new() { MaxDepth = 16, AllowDuplicateProperties = false };

    private static string? Text(JsonElement parent, string name)
        => parent.ValueKind is JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String
            && value.GetString() is { Length: > 0 and <= LongestText } text && PeerText.Clean(text) == text ? text : null;

    private static string? ErrorText(JsonElement parent, string messageName)
    {
        if (parent.ValueKind is not JsonValueKind.Object) return null;
        var message = parent.TryGetProperty(messageName, out var text) && text.ValueKind is JsonValueKind.String
            ? PeerText.Clean(text.GetString()!) : "";
        var code = parent.TryGetProperty("errorCode", out var number) && number.ValueKind is JsonValueKind.Number
            && number.TryGetInt64(out var value)
            ? value : 0;
        return (message.Length, code) switch
        {
            (0, 0) => null,
            (_, 0) => message,
            (0, _) => $"error {code}",
            _ => $"{message} (error {code})",
        };
    }
}
