using System.Text.Json;
using EstProv.Est.Messages;

namespace EstProv.Identity.Hub;

/// <summary>
/// A module identity as the hub's registry shows it to its device (learn.microsoft.com/rest/api/iothub/service/modules, version
/// 2021-04-12). The keys that are in the hub's answer are not read.
/// </summary>
/// <param name="GenerationId">Another one for each module that is made anew under an old name.</param>
/// <param name="ManagedBy">Who looks after the module, such as <c>IotEdge</c>; null for nobody.</param>
/// <param name="Etag">The version, for If-Match; null when the hub gives none.</param>
/// <param name="Thumbprints"><see cref="Joined"/> of the certificates that it is known by; null where it shows tokens.</param>
internal sealed record HubModule(string ModuleId, string GenerationId, string? ManagedBy, string? Etag, string? Thumbprints)
{
    private const int LongestText = 256;

    /// <summary>One text of both thumbprints.</summary>
    public static string Joined(string? primary, string? secondary) => secondary is null ? primary ?? "" : $"{primary},{secondary}";

    /// <summary>Null for what is no module of this device.</summary>
    public static HubModule? Read(ReadOnlyMemory<byte> body, string deviceId)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Strict);
            return Of(document.RootElement, deviceId);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Null for what is no list of modules of this device.</summary>
    public static List<HubModule>? ReadList(ReadOnlyMemory<byte> body, string deviceId)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Strict);
            if (document.RootElement.ValueKind is not JsonValueKind.Array) return null;
            var modules = new List<HubModule>(document.RootElement.GetArrayLength());
            foreach (var element in document.RootElement.EnumerateArray())
            {
                if (Of(element, deviceId) is not { } module) return null;
                modules.Add(module);
            }

            return modules;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonDocumentOptions Strict => new() { MaxDepth = 16, AllowDuplicateProperties = false };

    private static HubModule? Of(JsonElement element, string deviceId)
        => Text(element, "moduleId") is { } moduleId && Text(element, "generationId") is { } generationId
            && Text(element, "deviceId") == deviceId
            ? new HubModule(moduleId, generationId, Text(element, "managedBy"), Text(element, "etag"), ThumbprintsIn(element))
            : null;

    private static string? ThumbprintsIn(JsonElement module)
        => module.TryGetProperty("authentication", out var authentication) && Text(authentication, "type") == "selfSigned"
            && authentication.TryGetProperty("x509Thumbprint", out var known)
            ? Joined(Text(known, "primaryThumbprint"), Text(known, "secondaryThumbprint")).ToUpperInvariant() : null;

    private static string? Text(JsonElement parent, string name)
        => parent.ValueKind is JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String
            && value.GetString() is { Length: > 0 and <= LongestText } text && PeerText.Clean(text) == text ? text : null;
}
