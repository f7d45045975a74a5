using System.Globalization;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Cli.Arguments;

/// <summary>Times as people see them, and lengths of time on the command line: <c>90m</c>, <c>24h</c>, <c>7d</c>, or seconds without a
/// letter.</summary>
internal static class Times
{
    private const int LongestDays = 366;

    /// <summary>To the minute, in UTC.</summary>
    public static string Shown(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture);

    public static DateTimeOffset EndOf(X509Certificate2 certificate) => new(certificate.NotAfter.ToUniversalTime());

    /// <param name="option">For the message.</param>
    /// <exception cref="UsageException">It is none, or longer than a year.</exception>
    public static TimeSpan Parse(string option, string text)
    {
        var unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, >= '0' and <= '9' => 1, _ => 0 };
        var digits = text.Length > 0 && char.IsAsciiDigit(text[^1]) ? text : text.Length > 0 ? text[..^1] : "";
        return unit > 0 && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && (long)number * unit <= LongestDays * 86_400L
            ? TimeSpan.FromSeconds((long)number * unit)
            : throw new UsageException($"{option} takes a time such as 90m, 24h or 7d, of a year at most, not '{text}'");
    }
}
