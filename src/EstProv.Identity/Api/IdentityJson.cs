using System.Text.Json;
using EstProv.Identity.Hub;
using EstProv.Identity.Modules;
using EstProv.Identity.Provisioning;

namespace EstProv.Identity.Api;

/// <summary>
/// Identities as Azure IoT Identity Service answers them: <c>{"type":"aziot","spec":{hubName, gatewayHost, deviceId, moduleId?, genId?,
/// auth?}}</c>, with <c>auth</c> <c>{type, keyHandle, certId?}</c>.
/// </summary>
internal static class IdentityJson
{
    public static void WriteDevice(Utf8JsonWriter json, ProvisionedState state, string gateway, string handle)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "aziot"u8);
        json.WriteStartObject("spec"u8);
        json.WriteString("hubName"u8, state.Hub);
        json.WriteString("gatewayHost"u8, gateway);
        json.WriteString("deviceId"u8, state.DeviceId);
        json.WriteStartObject("auth"u8);
        json.WriteString("type"u8, state.Auth is DeviceAuth.Sas ? "sas"u8 : "x509"u8);
        json.WriteString("keyHandle"u8, handle);
        if (state.Auth is not DeviceAuth.Sas) json.WriteString("certId"u8, state.CertificateId);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <param name="handle">Of the module's primary key, or of its certificate's; null in lists, which say nothing of it.</param>
    /// <param name="certificateId">Where it shows one.</param>
    public static void WriteModule(Utf8JsonWriter json, ModuleIdentity module, string? handle, string? certificateId = null)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "aziot"u8);
        json.WriteStartObject("spec"u8);
        WriteHub(json, module.Device);
        json.WriteString("moduleId"u8, module.ModuleId);
        json.WriteString("genId"u8, module.GenerationId);
        if (handle is not null)
        {
            json.WriteStartObject("auth"u8);
            json.WriteString("type"u8, certificateId is null ? "sas"u8 : "x509"u8);
            json.WriteString("keyHandle"u8, handle);
            if (certificateId is not null) json.WriteString("certId"u8, certificateId);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    public static void WriteModules(Utf8JsonWriter json, ModuleList list)
    {
        json.WriteStartObject();
        json.WriteStartArray("identities"u8);
        foreach (var module in list.Modules) WriteModule(json, module, null);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteHub(Utf8JsonWriter json, HubDevice device)
    {
        json.WriteString("hubName"u8, device.Hub);
        json.WriteString("gatewayHost"u8, device.Gateway);
        json.WriteString("deviceId"u8, device.DeviceId);
    }
}
