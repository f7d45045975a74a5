using Microsoft.Extensions.Logging;

namespace EstProv.Configuration;

/// <summary>What a daemon logs of its configuration when it starts.</summary>
public static partial class LoadedLog
{
    /// <summary>One line for each error and each warning.</summary>
    public static void WriteTo<T>(this Loaded<T> loaded, ILogger logger)
        where T : class
    {
        foreach (var error in loaded.Errors) Log.Error(logger, error.ToString(), error.Hint);
        foreach (var warning in loaded.Warnings) Log.Warning(logger, warning.ToString(), warning.Hint);
    }

    private static partial class Log
    {
        [LoggerMessage(301, LogLevel.Critical, "{Error} (hint: {Hint})")]
        public static partial void Error(ILogger logger, string error, string hint);

        [LoggerMessage(302, LogLevel.Warning, "{Warning} (hint: {Hint})")]
        public static partial void Warning(ILogger logger, string warning, string hint);
    }
}
