using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace EstProv.Platform.Logging;

/// <summary>
/// Standard error through Microsoft.Extensions.Logging.Console, in its systemd format: one line an event, with the syslog priority in
/// front. Built by hand, since dependency injection and configuration binding cost more than the daemons.
/// </summary>
public static class DaemonLog
{
    public static ILoggerFactory Create(LogLevel minimum)
    {
        var options = new ConsoleLoggerOptions
        {
            FormatterName = ConsoleFormatterNames.Systemd,
            LogToStandardErrorThreshold = LogLevel.Trace,
        };
        var factory = new LoggerFactory([], new LoggerFilterOptions { MinLevel = minimum });
        // One that is given to the constructor is not disposed of with the factory, and what a daemon says as it ends would be lost with its thread.
        factory.AddProvider(new ConsoleLoggerProvider(new FixedOptions(options)));
        return factory;
    }

    private sealed class FixedOptions(ConsoleLoggerOptions value) : IOptionsMonitor<ConsoleLoggerOptions>
    {
        public ConsoleLoggerOptions CurrentValue => value;

        public ConsoleLoggerOptions Get(string? name) => value;

        public IDisposable? OnChange(Action<ConsoleLoggerOptions, string?> listener) => null;
    }
}
