using System.Runtime.InteropServices;
using EstProv.LocalApi;
using EstProv.Platform;
using EstProv.Platform.Logging;
using Microsoft.Extensions.Logging;

namespace EstProv;

/// <summary>What the three daemons have in common: arguments, log, signals, and one place where an error ends a process.</summary>
internal static partial class Daemon
{
    /// <summary>sysexits.h: a command was used wrongly.</summary>
    private const int UsageError = 64;

    public static int Run(string name, string[] arguments, Func<DaemonContext, int> service)
    {
        var (parsed, error) = DaemonArguments.Parse(name, arguments);
        if (parsed is null)
        {
            Console.Error.WriteLine(error);
            return UsageError;
        }

        if (parsed.Help)
        {
            Console.Out.WriteLine(DaemonArguments.Usage(name));
            return 0;
        }

        if (parsed.Version)
        {
            Console.Out.WriteLine($"estprov-{name} {BuildInformation.Version}");
            return 0;
        }

        using var stopping = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var loggers = DaemonLog.Create(LogLevel.Information);
        var log = loggers.CreateLogger(name);
        var context = new DaemonContext
        {
            ConfigFile = parsed.ConfigFile,
            ConfigDir = parsed.ConfigDir,
            RuntimeDir = parsed.RuntimeDir,
            CheckOnly = parsed.Check,
            TakeOnUser = DaemonUser.TakeOn,
            Version = BuildInformation.Version,
            Loggers = loggers,
            Time = TimeProvider.System,
            BuildTime = DateTimeOffset.FromUnixTimeSeconds(BuildInformation.EpochSeconds),
            Stopping = stopping.Token,
            Replace = (variables, keep) =>
            {
                // What is still to be written would end with its thread. From here on the log is written at once.
                loggers.Dispose();
                return ProcessReplacement.Run(variables, keep);
            },
        };
        try
        {
            return service(context);
        }
        catch (ProblemException problem)
        {
            Log.Ended(log, problem.ToLogText());
            return 1;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(90, LogLevel.Critical, "{Problem}")]
        public static partial void Ended(ILogger logger, string problem);
    }
}
