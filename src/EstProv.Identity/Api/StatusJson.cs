using System.Text.Json;
using EstProv.Configuration.Identityd;
using EstProv.LocalApi;
using EstProv.Identity.Provisioning;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>
/// <c>GET /provisioning-status</c>: <c>state</c> (<c>provisioned</c>, <c>waiting_for_certificate</c>, <c>registering</c>,
/// <c>waiting_to_retry</c>), <c>source</c>, <c>auth</c> (<c>x509</c>, <c>symmetric_key</c>, <c>sas</c>), <c>certificate</c> or <c>key</c>
/// (its id), with DPS <c>endpoint</c>, <c>scope</c>, with a nested device <c>gateway</c>, once provisioned or configured <c>hub</c> (where
/// there is one), <c>device</c>, <c>registrationId</c>, once provisioned <c>since</c> (ISO 8601), and while something is under way
/// <c>waitingFor</c>, <c>attempt</c>, <c>nextAttempt</c>, <c>problem</c> {message, hint, code}.
/// </summary>
internal static class StatusJson
{
    public static void Write(Utf8JsonWriter json, ProvisioningSettings settings, ProvisioningSnapshot now)
    {
        json.WriteStartObject();
        json.WriteString("state"u8, (now.Provisioned, now.Phase) switch
        {
            (not null, _) => "provisioned"u8,
            (_, ProvisioningPhase.Registering) => "registering"u8,
            (_, ProvisioningPhase.WaitingToRetry) => "waiting_to_retry"u8,
            _ => "waiting_for_certificate"u8,
        });
        WriteSettings(json, settings);
        var (state, manual) = (now.Provisioned, settings as ManualProvisioning);
        WriteText(json, "hub", state?.Hub ?? manual?.Hub);
        WriteText(json, "device", state?.DeviceId ?? manual?.DeviceId);
        WriteText(json, "registrationId", state?.RegistrationId ?? (settings as DpsProvisioning)?.RegistrationId);
        if (state is not null) json.WriteString("since"u8, Utc.Format(state.Since));
        if (now.WaitingFor.Length > 0) json.WriteString("waitingFor"u8, now.WaitingFor);
        if (now.Attempt > 0) json.WriteNumber("attempt"u8, now.Attempt);
        if (now.NextAttempt is { } next) json.WriteString("nextAttempt"u8, Utc.Format(next));
        WriteProblem(json, now.Problem);
        json.WriteEndObject();
    }

    /// <summary><c>problem</c>, where there is one.</summary>
    public static void WriteProblem(Utf8JsonWriter json, ProblemException? problem)
    {
        if (problem is not null) json.WriteProblem(problem.Message, problem.Hint, problem.Code);
    }

    private static void WriteSettings(Utf8JsonWriter json, ProvisioningSettings settings)
    {
        json.WriteString("source"u8, ProvisioningWords.SourceOf(settings));
        json.WriteString("auth"u8, ProvisioningWords.MethodOf(settings));
        if (settings is DpsProvisioning dps)
        {
            json.WriteString("endpoint"u8, dps.GlobalEndpoint.Value.AbsoluteUri);
            json.WriteString("scope"u8, dps.ScopeId);
        }

        if (settings.LocalGatewayHostname is { } gateway) json.WriteString("gateway"u8, gateway);
        if (settings.Authentication is CertificateAuthentication shown) json.WriteString("certificate"u8, shown.CertificateId);
        else json.WriteString("key"u8, settings.Authentication.KeyId);
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? text)
    {
        if (text is { Length: > 0 }) json.WriteString(name, text);
    }

}
