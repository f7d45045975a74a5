using System.Text.Json;
using System.Text.Json.Nodes;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Hub;

/// <summary>Identities as the registry's REST interface shows them (learn.microsoft.com/rest/api/iothub/service).</summary>
internal static class HubJson
{
    private const string Never = "0001-01-01T00:00:00Z";

    public static JsonObject Device(HubDevice d) => new()
    {
        ["deviceId"] = d.DeviceId,
        ["generationId"] = d.GenerationId,
        ["etag"] = d.Etag,
        ["connectionState"] = "Disconnected",
        ["status"] = d.Status,
        ["statusReason"] = null,
        ["connectionStateUpdatedTime"] = Never,
        ["statusUpdatedTime"] = Never,
        ["lastActivityTime"] = Never,
        ["cloudToDeviceMessageCount"] = 0,
        ["authentication"] = Credential(d.Authentication),
        ["capabilities"] = new JsonObject { ["iotEdge"] = d.IotEdge },
    };

    public static JsonObject Module(HubDevice d, HubModule m) => new()
    {
        ["moduleId"] = m.ModuleId,
        ["managedBy"] = m.ManagedBy,
        ["deviceId"] = d.DeviceId,
        ["generationId"] = m.GenerationId,
        ["etag"] = m.Etag,
        ["connectionState"] = "Disconnected",
        ["connectionStateUpdatedTime"] = Never,
        ["lastActivityTime"] = Never,
        ["cloudToDeviceMessageCount"] = 0,
        ["authentication"] = Credential(m.Authentication),
    };

    /// <summary>The credential that a PUT asks for, keys made where none came; null = not understood.</summary>
    public static HubCredential? Credential(JsonNode? json)
    {
        if (json is null)
        {
            return new HubCredential { Type = "sas", PrimaryKey = DeviceRegistry.NewKey(), SecondaryKey = DeviceRegistry.NewKey() };
        }

        try
        {
            var type = (string?)json["type"] ?? "sas";
            var primary = (string?)json["symmetricKey"]?["primaryKey"];
            var secondary = (string?)json["symmetricKey"]?["secondaryKey"];
            return type switch
            {
                "sas" when IsKey(primary) && IsKey(secondary) => new HubCredential
                {
                    Type = type,
                    PrimaryKey = primary ?? DeviceRegistry.NewKey(),
                    SecondaryKey = secondary ?? DeviceRegistry.NewKey(),
                },
                "selfSigned" when IsThumbprint(json, "primaryThumbprint") && IsThumbprint(json, "secondaryThumbprint") => new HubCredential
                {
                    Type = type,
                    PrimaryThumbprint = (string?)json["x509Thumbprint"]?["primaryThumbprint"],
                    SecondaryThumbprint = (string?)json["x509Thumbprint"]?["secondaryThumbprint"],
                },
                "certificateAuthority" or "none" => new HubCredential { Type = type },
                _ => null,
            };
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or JsonException)
        {
            return null;
        }
    }

    /// <summary>IoT Hub takes keys of 16 to 64 bytes.</summary>
    public static bool IsKey(string? key)
    {
        var bytes = new byte[256];
        return key is null || (key.Length < 256 && Convert.TryFromBase64String(key, bytes, out var length) && length is >= 16 and <= 64);
    }

    private static bool IsThumbprint(JsonNode json, string name)
        => (string?)json["x509Thumbprint"]?[name] is not { } value || Thumbprint.IsWellFormed(value);

    private static JsonObject Credential(HubCredential c) => new()
    {
        ["symmetricKey"] = new JsonObject { ["primaryKey"] = c.PrimaryKey, ["secondaryKey"] = c.SecondaryKey },
        ["x509Thumbprint"] = new JsonObject { ["primaryThumbprint"] = c.PrimaryThumbprint, ["secondaryThumbprint"] = c.SecondaryThumbprint },
        ["type"] = c.Type,
    };
}
