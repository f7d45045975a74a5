using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using EstProv.Simulator.Pki;

namespace EstProv.AzureSdk.Tests;

/// <summary>A device with a key or a certificate, and what it tells the SDK to do.</summary>
internal sealed class Device
{
    private const string Dps = "global.azure-devices-provisioning.net";
    private readonly JsonObject _attestation;

    private Device(string id, JsonObject attestation)
    {
        Id = id;
        _attestation = attestation;
    }

    public string Id { get; }

    public string? Key => (string?)_attestation["key"];

    public string? Certificate => (string?)_attestation["cert"];

    public static Device WithKey(string id, string key) => new(id, new JsonObject { ["key"] = key });

    /// <summary>By a group's key: HMAC-SHA256 of the registration id.</summary>
    public static Device OfGroup(string id, string groupKey)
        => WithKey(id, Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(groupKey), Encoding.UTF8.GetBytes(id))));

    /// <summary>With a certificate of this CA; null = of the one that DPS has enrolled.</summary>
    public static Device WithCertificate(string id, Authority? authority = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = CertificateMaker.Request(new X500DistinguishedName("CN=" + id), key);
        CertificateMaker.AddEndEntityExtensions(request, server: false, client: true);
        var now = DateTimeOffset.UtcNow;
        using var certificate = CertificateMaker.Sign(request, authority ?? World.Simulator.Pki.DeviceIdentity, now.AddMinutes(-5), now.AddDays(1));
        return new Device(id, new JsonObject { ["cert"] = certificate.ExportCertificatePem(), ["privateKey"] = key.ExportPkcs8PrivateKeyPem() });
    }

    public Task<JsonNode> RegisterAsync(string? payload = null, string scope = SimulatorProcess.Scope)
    {
        var order = Order("register");
        order["host"] = Dps;
        order["scope"] = scope;
        order["id"] = Id;
        if (payload is not null)
        {
            order["payload"] = JsonNode.Parse(payload);
        }

        return World.Sdk.AskAsync(order);
    }

    public Task<JsonNode> SendAsync(string what = """{"body":"21.5"}""", string? gateway = null) => AtHubAsync("send", what, gateway);

    public Task<JsonNode> SendBatchAsync(string messages) => AtHubAsync("batch", $$"""{"messages":{{messages}}}""");

    public Task<JsonNode> ReceiveAsync(string settle) => AtHubAsync("receive", $$"""{"settle":"{{settle}}"}""");

    private Task<JsonNode> AtHubAsync(string action, string what, string? gateway = null)
    {
        var order = Order(action);
        foreach (var (name, value) in JsonNode.Parse(what)!.AsObject())
        {
            order[name] = value?.DeepClone();
        }

        var credential = Key is null ? "x509=true" : "SharedAccessKey=" + Key;
        order["connection"] = $"HostName={SimulatorProcess.Hub};DeviceId={Id};{credential}" + (gateway is null ? "" : ";GatewayHostName=" + gateway);
        return World.Sdk.AskAsync(order);
    }

    private JsonObject Order(string action)
    {
        var order = _attestation.DeepClone().AsObject();
        order["do"] = action;
        return order;
    }
}
