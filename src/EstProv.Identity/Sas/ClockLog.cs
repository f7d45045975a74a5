using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Sas;

/// <summary>What is logged when a token and a clock do not go together.</summary>
internal static partial class ClockLog
{
    [LoggerMessage(21, LogLevel.Warning,
        "{Url} refused a token made by this device's clock, which was behind: it is {Told:yyyy-MM-dd HH:mm:ss}Z there; asked again with " +
            "a token by that time")]
    public static partial void Outrun(ILogger logger, Uri url, object told);
}
