using EstProv.Est.Paths;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Est.Transport;

/// <summary>The time that a verified server tells in its answers' Date header.</summary>
internal sealed partial class ServerTime(BelievedClock clock, ServerVerifier verifier, ILogger logger)
{
    public void Take(DateTimeOffset? told)
    {
        if (told is not { } time || !verifier.IsPlausible(time)) return;
        var now = clock.Now;
        // A server that is a little ahead agrees with our clock; it must not make us disbelieve it.
        if (clock.IsBelieved && time > now && time <= now + CertificatePath.Tolerance) time = now;
        try
        {
            if (!clock.Corroborate(time)) Log.TimeNotBelieved(logger, time, now);
        }
        catch (ProblemException problem)
        {
            // The time stays in memory; an exchange does not fail because of it.
            Log.TimeNotKept(logger, problem.ToLogText());
        }
    }

    private static partial class Log
    {
        [LoggerMessage(205, LogLevel.Warning, "the server says that it is {Told:yyyy-MM-dd HH:mm:ss}Z; servers before it have agreed with this device's clock ({Now:yyyy-MM-dd HH:mm:ss}Z), which stays the one that is believed")]
        public static partial void TimeNotBelieved(ILogger logger, object told, object now);

        [LoggerMessage(201, LogLevel.Warning, "the time that the server told cannot be kept: {Problem}")]
        public static partial void TimeNotKept(ILogger logger, string problem);
    }
}
