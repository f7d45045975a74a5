using System.Text.Json;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Dps;
using EstProv.Identity.Provisioning;
using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>
/// <c>GET /identities/provisioning</c> (azure.github.io/iot-identity-service, "Identity Service"): <c>source</c>; with DPS <c>auth</c>,
/// <c>endpoint</c>, <c>scope_id</c>, <c>registration_id</c> and, where there is one, <c>payload</c>; with a hub that is configured
/// <c>auth</c>.
/// </summary>
internal static class ProvisioningJson
{
    public static void Write(Utf8JsonWriter json, ProvisioningSettings settings, ProvisionedState? state)
    {
        json.WriteStartObject();
        json.WriteString("source"u8, ProvisioningWords.SourceOf(settings));
        if (settings is not NoneProvisioning) json.WriteString("auth"u8, ProvisioningWords.MethodOf(settings));
        if (settings is DpsProvisioning dps)
        {
            json.WriteString("endpoint"u8, dps.GlobalEndpoint.Value.AbsoluteUri);
            json.WriteString("scope_id"u8, dps.ScopeId);
            json.WriteString("registration_id"u8, dps.RegistrationId ?? state?.RegistrationId ?? "");
            if (dps.PayloadFile is { } file) Read(file)?.WriteTo(json, "payload");
        }

        json.WriteEndObject();
    }

    /// <summary>Null for one that cannot be read, which the registration tells of.</summary>
    private static DpsPayload? Read(Configuration.Positioned<string> file)
    {
        try
        {
            return DpsPayload.Read(file);
        }
        catch (ProblemException)
        {
            return null;
        }
    }
}
