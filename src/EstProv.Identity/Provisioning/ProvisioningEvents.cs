using System.Globalization;
using EstProv.Certificates.Client;
using EstProv.Configuration.Identityd;
using EstProv.LocalApi;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Provisioning;

/// <summary>What happens in provisioning, each as one log line and, where a follower wants it, as one change.</summary>
internal sealed partial class ProvisioningEvents(ILogger logger, ChangeFeed feed)
{
    public void Restored(ProvisionedState state) => Log.Restored(logger, state.DeviceId, state.Hub, state.CertificateId, state.Since);

    public void StateUnusable(ProblemException problem) => Log.StateUnusable(logger, problem.ToLogText());

    public void SettingsChanged(ProvisionedState state, DpsProvisioning settings)
        => Log.SettingsChanged(logger, state.DeviceId, state.Hub, state.ScopeId, state.Endpoint, settings.ScopeId, settings.GlobalEndpoint.Value);

    public void Registering(DpsProvisioning settings, string registrationId, DeviceCredential credential, CredentialState state, int attempt)
    {
        Log.Registering(logger, registrationId, settings.GlobalEndpoint.Value, credential.Description, state, attempt);
        feed.Publish("registering", registrationId, ("id", credential.CertificateId), ("url", settings.GlobalEndpoint.Value.AbsoluteUri),
            ("registrationId", registrationId), ("credential", credential.CertificateId), ("attempt", Number(attempt)));
    }

    public void Assigned(ProvisionedState state, DeviceCredential credential, TimeSpan took)
    {
        Log.Assigned(logger, state.RegistrationId, state.DeviceId, state.Hub, state.Endpoint, credential.Description, took.TotalSeconds);
        feed.Publish("assigned", state.RegistrationId, ("hub", state.Hub), ("device", state.DeviceId), ("url", state.Endpoint), ("credential", credential.CertificateId),
            ("seconds", took.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture)));
    }

    public void Confirmed(ProvisionedState state) => Log.Confirmed(logger, state.CertificateId, state.Spki);

    public void RenewalRefused(DeviceCredential credential, ProblemException problem) => Log.RenewalRefused(logger, credential.Description, problem.ToLogText());

    public void NotSaved(ProblemException problem) => Log.NotSaved(logger, problem.ToLogText());

    /// <summary>Another daemon of this device does not answer yet.</summary>
    public void Waiting(ProblemException problem) => Log.Waiting(logger, problem.ToLogText());

    public void Failed(DpsProvisioning settings, ProvisioningSnapshot now, ProblemException problem, TimeSpan pause)
    {
        if (now.Provisioned is { } state) Log.FailedWhileProvisioned(logger, problem.ToLogText(), now.Attempt, pause.TotalSeconds, state.DeviceId, state.Hub);
        else Log.Failed(logger, problem.ToLogText(), now.Attempt, pause.TotalSeconds);
        feed.Publish("failed", settings.IdentityCert, ("id", settings.IdentityCert), ("url", settings.GlobalEndpoint.Value.AbsoluteUri), ("credential", settings.IdentityCert),
            ("attempt", Number(now.Attempt)), ("code", problem.Code), ("message", problem.Message), ("hint", problem.Hint),
            ("retrySeconds", pause.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)));
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "provisioned: device {Device} at hub {Hub} with certificate {Certificate}, stored since {Since:u}")]
        public static partial void Restored(ILogger logger, string device, string hub, string certificate, DateTimeOffset since);

        [LoggerMessage(2, LogLevel.Warning, "stored provisioning result not used: {Problem}")]
        public static partial void StateUnusable(ILogger logger, string problem);

        [LoggerMessage(3, LogLevel.Warning, "the provisioning settings have changed: device {Device} at hub {Hub} came from scope {OldScope} at {OldEndpoint}, now it is scope {Scope} at {Endpoint}; registering again")]
        public static partial void SettingsChanged(ILogger logger, string device, string hub, string oldScope, string oldEndpoint, string scope, Uri endpoint);

        [LoggerMessage(4, LogLevel.Information, "registering '{RegistrationId}' at {Url} with {Credential}, which is {State}; attempt {Attempt}")]
        public static partial void Registering(ILogger logger, string registrationId, Uri url, string credential, CredentialState state, int attempt);

        [LoggerMessage(5, LogLevel.Information, "registered '{RegistrationId}': device {Device} at hub {Hub}, by {Url} with {Credential}, in {Seconds:0.000} s")]
        public static partial void Assigned(ILogger logger, string registrationId, string device, string hub, string url, string credential, double seconds);

        [LoggerMessage(6, LogLevel.Information, "certificate {Certificate} (public key {Spki}) was accepted by DPS and is in use now")]
        public static partial void Confirmed(ILogger logger, string certificate, string spki);

        [LoggerMessage(7, LogLevel.Error, "DPS refuses the renewed {Credential} and accepts the one in use: dropped. {Problem}")]
        public static partial void RenewalRefused(ILogger logger, string credential, string problem);

        [LoggerMessage(8, LogLevel.Error, "the assignment is served but could not be stored, which is tried again: {Problem}")]
        public static partial void NotSaved(ILogger logger, string problem);

        [LoggerMessage(9, LogLevel.Error, "provisioning failed: {Problem}; attempt {Attempt}, next in {Seconds:0} s")]
        public static partial void Failed(ILogger logger, string problem, int attempt, double seconds);

        [LoggerMessage(10, LogLevel.Warning, "registering again failed: {Problem}; attempt {Attempt}, next in {Seconds:0} s; device {Device} at hub {Hub} stays in use")]
        public static partial void FailedWhileProvisioned(ILogger logger, string problem, int attempt, double seconds, string device, string hub);

        [LoggerMessage(11, LogLevel.Warning, "waiting: {Problem}")]
        public static partial void Waiting(ILogger logger, string problem);
    }
}
