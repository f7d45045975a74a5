using System.Globalization;
using System.Text.Json;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Provisioning;

namespace EstProv.Identity.Api;

/// <summary>
/// <c>GET /provisioning-status</c>: <c>state</c> (<c>provisioned</c>, <c>waiting_for_certificate</c>, <c>registering</c>, <c>waiting_to_retry</c>),
/// <c>endpoint</c>, <c>scope</c>, <c>certificate</c>, once provisioned <c>hub</c>, <c>device</c>, <c>registrationId</c>, <c>since</c> (ISO 8601), and while
/// something is under way <c>waitingFor</c>, <c>attempt</c>, <c>nextAttempt</c>, <c>problem</c> {message, hint, code}.
/// </summary>
internal static class StatusJson
{
    public static void Write(Utf8JsonWriter json, DpsProvisioning settings, ProvisioningSnapshot now)
    {
        json.WriteStartObject();
        json.WriteString("state"u8, (now.Provisioned, now.Phase) switch
        {
            (not null, _) => "provisioned"u8,
            (_, ProvisioningPhase.Registering) => "registering"u8,
            (_, ProvisioningPhase.WaitingToRetry) => "waiting_to_retry"u8,
            _ => "waiting_for_certificate"u8,
        });
        json.WriteString("endpoint"u8, settings.GlobalEndpoint.Value.AbsoluteUri);
        json.WriteString("scope"u8, settings.ScopeId);
        json.WriteString("certificate"u8, settings.IdentityCert);
        if (now.Provisioned is { } state)
        {
            json.WriteString("hub"u8, state.Hub);
            json.WriteString("device"u8, state.DeviceId);
            json.WriteString("registrationId"u8, state.RegistrationId);
            json.WriteString("since"u8, Time(state.Since));
        }

        if (now.WaitingFor.Length > 0) json.WriteString("waitingFor"u8, now.WaitingFor);
        if (now.Attempt > 0) json.WriteNumber("attempt"u8, now.Attempt);
        if (now.NextAttempt is { } next) json.WriteString("nextAttempt"u8, Time(next));
        if (now.Problem is { } problem)
        {
            json.WriteStartObject("problem"u8);
            json.WriteString("message"u8, problem.Message);
            json.WriteString("hint"u8, problem.Hint);
            json.WriteString("code"u8, problem.Code);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
