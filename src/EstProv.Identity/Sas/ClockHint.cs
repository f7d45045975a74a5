using EstProv.Platform.Time;

namespace EstProv.Identity.Sas;

/// <summary>Adds to a hint what may be wrong with a clock, since a token lives by it.</summary>
internal static class ClockHint
{
    private static readonly TimeSpan Agreement = TimeSpan.FromMinutes(5);

    /// <param name="told">The answer's Date; null when it had none.</param>
    public static string After(string hint, DateTimeOffset? told, BelievedClock clock)
        => told is { } time && (time - clock.Now).Duration() > Agreement
            ? $"{hint}; and see to the clocks: it is {time.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z there and " +
                $"{clock.Now.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z here" : hint;
}
