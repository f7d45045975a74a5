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
    public void Restored(ProvisionedState state)
        => Log.Restored(logger, ProvisioningWords.At(state), ProvisioningWords.CredentialOf(state), state.Since);

    public void StateUnusable(ProblemException problem) => Log.StateUnusable(logger, problem.ToLogText());

    public void SettingsChanged(ProvisionedState state, ProvisioningSettings settings)
        => Log.SettingsChanged(logger, ProvisioningWords.At(state), ProvisioningWords.Describe(state),
            ProvisioningWords.Describe(settings));

    /// <summary>What is configured is served before the hub has said a word.</summary>
    public void Known(ProvisionedState state) => Log.Known(logger, ProvisioningWords.At(state), ProvisioningWords.CredentialOf(state));

    public void Registering(IProvisioningSource source, string name, ShownCredential shown, CredentialState state, int attempt)
    {
        var isDps = source.Settings is DpsProvisioning;
        if (isDps) Log.Registering(logger, name, source.Place, shown.Description, state, attempt);
        else Log.Proving(logger, shown.Description, state, source.Place, name, attempt);
        feed.Publish(isDps ? "registering" : "proving", name, ("id", shown.Id), ("url", source.Place), ("registrationId", name),
            ("credential", shown.Id), ("attempt", Number(attempt)));
    }

    /// <param name="before">Null where the device was nowhere.</param>
    public void Assigned(ProvisionedState state, IProvisioningSource source, ShownCredential shown, ProvisionedState? before, TimeSpan took)
    {
        Log.Assigned(logger, state.Source == ProvisioningWords.Dps ? "registered" : "provisioned", state.RegistrationId,
            ProvisioningWords.At(state), source.Place, shown.Description, took.TotalSeconds);
        feed.Publish("assigned", state.RegistrationId, ("hub", state.Hub), ("device", state.DeviceId), ("url", source.Place),
            ("credential", shown.Id),
            ("seconds", took.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture)));
        if (before is null || (before.Hub == state.Hub && before.DeviceId == state.DeviceId)) return;
        Log.Reassigned(logger, ProvisioningWords.At(before), ProvisioningWords.At(state));
        feed.Publish("reassigned", state.RegistrationId, ("hub", state.Hub), ("device", state.DeviceId), ("hubBefore", before.Hub),
            ("deviceBefore", before.DeviceId));
    }

    public void Confirmed(ProvisionedState state, IProvisioningSource source)
        => Log.Confirmed(logger, state.CertificateId, state.Spki, source.Place);

    public void RenewalRefused(DeviceCredential credential, IProvisioningSource source, ProblemException problem)
        => Log.RenewalRefused(logger, source.Place, credential.Description, problem.ToLogText());

    public void NotSaved(ProblemException problem) => Log.NotSaved(logger, problem.ToLogText());

    /// <summary>Another daemon of this device does not answer yet.</summary>
    public void Waiting(ProblemException problem) => Log.Waiting(logger, problem.ToLogText());

    public void Failed(IProvisioningSource source, string credential, ProvisioningSnapshot now, ProblemException problem, TimeSpan pause)
    {
        var (text, seconds) = (problem.ToLogText(), pause.TotalSeconds);
        if (now.Provisioned is { } state) Log.FailedWhileProvisioned(logger, text, now.Attempt, seconds, ProvisioningWords.At(state));
        else Log.Failed(logger, text, now.Attempt, seconds);
        feed.Publish("failed", credential, ("id", credential), ("url", source.Place), ("credential", credential),
            ("attempt", Number(now.Attempt)), ("code", problem.Code), ("message", problem.Message), ("hint", problem.Hint),
            ("retrySeconds", pause.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)));
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "provisioned: {Device}, with {Credential}, stored since {Since:u}")]
        public static partial void Restored(ILogger logger, string device, string credential, object since);

        [LoggerMessage(2, LogLevel.Warning, "stored provisioning result not used: {Problem}")]
        public static partial void StateUnusable(ILogger logger, string problem);

        [LoggerMessage(3, LogLevel.Warning, "the provisioning settings have changed: {Device} came from {Old}; now it is {New}; " +
            "provisioning anew")]
        public static partial void SettingsChanged(ILogger logger, string device, string old, string @new);

        [LoggerMessage(4, LogLevel.Information, "registering '{RegistrationId}' at {Url} with {Credential}, which is {State}; attempt " +
            "{Attempt}")]
        public static partial void Registering(ILogger logger, string registrationId, string url, string credential, object state,
            object attempt);

        [LoggerMessage(5, LogLevel.Information, "{Word} '{Name}': {Device}, by {Place} with {Credential}, in {Seconds:0.000} s")]
        public static partial void Assigned(ILogger logger, string word, string name, string device, string place, string credential,
            object seconds);

        [LoggerMessage(6, LogLevel.Information, "certificate {Certificate} (public key {Spki}) was accepted by {Place} and is in use now")]
        public static partial void Confirmed(ILogger logger, string certificate, string spki, string place);

        [LoggerMessage(7, LogLevel.Error, "{Place} refuses the renewed {Credential} and accepts the one in use: dropped. {Problem}")]
        public static partial void RenewalRefused(ILogger logger, string place, string credential, string problem);

        [LoggerMessage(8, LogLevel.Error, "the assignment is served but could not be stored, which is tried again: {Problem}")]
        public static partial void NotSaved(ILogger logger, string problem);

        [LoggerMessage(9, LogLevel.Error, "provisioning failed: {Problem}; attempt {Attempt}, next in {Seconds:0} s")]
        public static partial void Failed(ILogger logger, string problem, object attempt, object seconds);

        [LoggerMessage(10, LogLevel.Warning, "provisioning again failed: {Problem}; attempt {Attempt}, next in {Seconds:0} s; {Device} " +
            "stays in use")]
        public static partial void FailedWhileProvisioned(ILogger logger, string problem, object attempt, object seconds, string device);

        [LoggerMessage(11, LogLevel.Warning, "waiting: {Problem}")]
        public static partial void Waiting(ILogger logger, string problem);

        [LoggerMessage(12, LogLevel.Information, "showing {Credential}, which is {State}, to {Place} as '{Name}'; attempt {Attempt}")]
        public static partial void Proving(ILogger logger, string credential, object state, string place, string name, object attempt);

        [LoggerMessage(13, LogLevel.Warning, "moved: {Before} is {Now} from now on")]
        public static partial void Reassigned(ILogger logger, string before, string now);

        [LoggerMessage(14, LogLevel.Information, "served as configured: {Device}, with {Credential}; the hub has not been asked yet")]
        public static partial void Known(ILogger logger, string device, string credential);
    }
}
