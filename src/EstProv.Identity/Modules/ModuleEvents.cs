using System.Globalization;
using EstProv.Identity.Hub;
using EstProv.LocalApi;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Modules;

/// <summary>What happens to module identities, each as one log line and, where a follower wants it, as one change.</summary>
internal sealed partial class ModuleEvents(ILogger logger, ChangeFeed feed)
{
    public void StateUnusable(ProblemException problem) => Log.StateUnusable(logger, problem.ToLogText());

    public void NotSaved(ProblemException problem) => Log.NotSaved(logger, problem.ToLogText());

    public void Forgotten(int count, string device, string hub) => Log.Forgotten(logger, count, device, hub);

    public void Created(HubDevice device, string moduleId, string generationId)
    {
        Log.Created(logger, moduleId, generationId, device.DeviceId, device.Hub);
        feed.Publish("module-created", moduleId, ("hub", device.Hub), ("device", device.DeviceId), ("generation", generationId));
    }

    /// <param name="isCertified">It shows a certificate, not tokens.</param>
    public void Updated(HubDevice device, string moduleId, string generationId, bool isCertified)
    {
        if (isCertified) Log.Certified(logger, moduleId, ModuleCertificates.IdOf(moduleId), device.DeviceId, device.Hub);
        else Log.Updated(logger, moduleId, generationId, device.DeviceId, device.Hub);
        feed.Publish("module-updated", moduleId, ("hub", device.Hub), ("device", device.DeviceId), ("generation", generationId));
    }

    public void Removed(HubDevice device, string moduleId, string why)
    {
        Log.Removed(logger, moduleId, device.DeviceId, device.Hub, why);
        feed.Publish("module-removed", moduleId, ("hub", device.Hub), ("device", device.DeviceId));
    }

    public void Reconciled(int count, TimeSpan took) => Log.Reconciled(logger, count, took.TotalSeconds);

    public void ReconcileFailed(ProblemException problem, TimeSpan pause)
    {
        Log.ReconcileFailed(logger, problem.ToLogText(), pause.TotalSeconds);
        feed.Publish("modules-failed", "modules", ("code", problem.Code), ("message", problem.Message), ("hint", problem.Hint),
            ("retrySeconds", pause.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)));
    }

    public void ServedOffline(ProblemException problem) => Log.ServedOffline(logger, problem.ToLogText());

    private static partial class Log
    {
        [LoggerMessage(31, LogLevel.Warning, "stored module identities not used: {Problem}")]
        public static partial void StateUnusable(ILogger logger, string problem);

        [LoggerMessage(32, LogLevel.Error, "module identities could not be stored, which is tried again with the next change: {Problem}")]
        public static partial void NotSaved(ILogger logger, string problem);

        [LoggerMessage(33, LogLevel.Warning, "{Count} stored module identities belong to device {Device} at hub {Hub}, which this is " +
            "no more: forgotten")]
        public static partial void Forgotten(ILogger logger, object count, string device, string hub);

        [LoggerMessage(34, LogLevel.Information, "module {Module} (generation {Generation}) created for device {Device} at hub {Hub}")]
        public static partial void Created(ILogger logger, string module, string generation, string device, string hub);

        [LoggerMessage(35, LogLevel.Information, "module {Module} (generation {Generation}) of device {Device} at hub {Hub} got its " +
            "keys anew")]
        public static partial void Updated(ILogger logger, string module, string generation, string device, string hub);

        [LoggerMessage(40, LogLevel.Information, "hub {Hub} knows module {Module} of device {Device} by its certificate {Certificate} " +
            "as it is now")]
        public static partial void Certified(ILogger logger, string module, string certificate, string device, string hub);

        [LoggerMessage(36, LogLevel.Information, "module {Module} of device {Device} removed from hub {Hub}: {Why}")]
        public static partial void Removed(ILogger logger, string module, string device, string hub, string why);

        [LoggerMessage(37, LogLevel.Information, "{Count} modules of principals are as configured, in {Seconds:0.000} s")]
        public static partial void Reconciled(ILogger logger, object count, object seconds);

        [LoggerMessage(38, LogLevel.Warning, "modules of principals could not be made as configured: {Problem}; next attempt in " +
            "{Seconds:0} s")]
        public static partial void ReconcileFailed(ILogger logger, string problem, object seconds);

        [LoggerMessage(39, LogLevel.Warning, "module identities are served as they were seen last: {Problem}")]
        public static partial void ServedOffline(ILogger logger, string problem);
    }
}
