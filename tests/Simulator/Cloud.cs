using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using EstProv.Simulator.Dps;
using EstProv.Simulator.Hub;

namespace EstProv.Simulator.Tests;

/// <summary>What a device says to DPS and hub, built here from the documentation and not with the simulator's own code.</summary>
internal static class Cloud
{
    public const string Scope = "0ne00SIMULA";
    public const string HubHost = "estprov-hub.azure-devices.net";
    public const string DpsVersion = "?api-version=2021-06-01";
    public const string HubVersion = "?api-version=2021-04-12";

    /// <summary>A key of 32 bytes, base64.</summary>
    public static string Key(int value) => Convert.ToBase64String(Enumerable.Repeat((byte)value, 32).ToArray());

    /// <summary>The key of a device of a group (learn.microsoft.com/azure/iot-dps/how-to-legacy-device-symm-key).</summary>
    public static string Derive(string groupKey, string registrationId)
        => Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(groupKey), Encoding.UTF8.GetBytes(registrationId)));

    public static string Token(string resource, string key, DateTimeOffset expiry, string? keyName = null)
    {
        var signed = Uri.EscapeDataString(resource);
        var seconds = expiry.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = HMACSHA256.HashData(Convert.FromBase64String(key), Encoding.UTF8.GetBytes($"{signed}\n{seconds}"));
        var name = keyName is null ? "" : "&skn=" + keyName;
        return $"SharedAccessSignature sr={signed}&sig={Uri.EscapeDataString(Convert.ToBase64String(signature))}&se={seconds}{name}";
    }

    /// <summary>A token for DPS, good for an hour.</summary>
    public static string DpsToken(Rig rig, string id, string key)
        => Token($"{Scope}/registrations/{id}", key, rig.Host.Clock.Now.AddHours(1), "registration");

    /// <summary>A token for the hub, good for an hour.</summary>
    public static string HubToken(Rig rig, string device, string key) => Token($"{HubHost}/devices/{device}", key, rig.Host.Clock.Now.AddHours(1));

    public static DpsEnrollment SymmetricKey(string id, int key) => new()
    {
        RegistrationId = id,
        Attestation = DpsAttestationType.SymmetricKey,
        PrimaryKey = Key(key),
        SecondaryKey = Key(key + 1),
    };

    /// <summary>A device in the default hub, with this primary key.</summary>
    public static void AddDevice(Rig rig, string id, int key) => rig.Host.Devices.Change(id, _ => new HubDevice
    {
        DeviceId = id,
        Hub = HubHost,
        GenerationId = "1",
        Etag = "e",
        Authentication = new HubCredential { Type = "sas", PrimaryKey = Key(key) },
    });

    public static Task<HttpResponseMessage> RegisterAsync(
        HttpClient client, string id, string? token = null, JsonNode? payload = null, string version = DpsVersion)
    {
        var body = new JsonObject { ["registrationId"] = id };
        if (payload is not null)
        {
            body["payload"] = payload;
        }

        return SendAsync(client, HttpMethod.Put, $"{Scope}/registrations/{id}/register{version}", body.ToJsonString(), token);
    }

    /// <summary>Registers and polls until there is a result.</summary>
    public static async Task<JsonNode> ResultAsync(
        HttpClient client, string id, string? token = null, JsonNode? payload = null, string version = DpsVersion)
    {
        var operation = (await JsonAsync(await RegisterAsync(client, id, token, payload, version)))["operationId"];
        var path = $"{Scope}/registrations/{id}/operations/{operation}{version}";
        for (var polls = 0; ; polls++)
        {
            Assert.That(polls, Is.LessThan(10));
            var answer = await JsonAsync(await SendAsync(client, HttpMethod.Get, path, token: token));
            if ((string?)answer["status"] != "assigning")
            {
                return answer;
            }
        }
    }

    public static async Task<HttpResponseMessage> SendAsync(
        HttpClient client,
        HttpMethod method,
        string path,
        string? body = null,
        string? token = null,
        string? ifMatch = null,
        string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8);
            request.Content.Headers.Remove("Content-Type");
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", token);
        }

        return await client.SendAsync(request);
    }

    public static async Task<JsonNode> JsonAsync(HttpResponseMessage answer) => JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
}
