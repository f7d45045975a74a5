using System.Globalization;
using System.Runtime.InteropServices;
using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Certd;

/// <summary>A length of time, or a share of a certificate's life: <c>80%</c>, <c>30 days</c>, <c>12 hours</c>, <c>90 minutes</c>.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct LifetimeSpan
{
    private const int LongestDays = 36_500;

    private LifetimeSpan(double? share, TimeSpan time)
    {
        Share = share;
        Time = time;
    }

    /// <summary>In (0, 1); null when it is a length of time.</summary>
    public double? Share { get; }

    /// <summary>Zero when it is a share.</summary>
    public TimeSpan Time { get; }

    public static LifetimeSpan OfShare(double share) => new(share, TimeSpan.Zero);

    public static LifetimeSpan OfTime(TimeSpan time) => new(null, time);

    /// <summary>How long that is for a certificate that lives so long.</summary>
    public TimeSpan Of(TimeSpan lifetime) => Share is { } share ? lifetime * share : Time;

    /// <summary>As the configuration would say it.</summary>
    public override string ToString()
    {
        if (Share is { } share) return string.Create(CultureInfo.InvariantCulture, $"{share * 100:0}%");
        var (number, unit) = Time.TotalMinutes % 1440 == 0 ? (Time.TotalDays, "day") : Time.TotalMinutes % 60 == 0
            ? (Time.TotalHours, "hour") : (Time.TotalMinutes, "minute");
        return string.Create(CultureInfo.InvariantCulture, $"{number:0} {unit}{(number == 1 ? "" : "s")}");
    }

    internal static LifetimeSpan? Parse(string? text) => text is not null && Read(text, out var span) is null ? span : null;

    internal static Fault? Check(string text) => Read(text, out _);

    private static Fault? Read(string text, out LifetimeSpan span)
    {
        span = default;
        var digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits])) digits++;
        if (!int.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return new Fault("does not begin with a whole number");
        var unit = text.AsSpan(digits).TrimStart(' ');
        if (unit is "%")
        {
            span = OfShare(number / 100.0);
            return number is > 0 and < 100 ? null : new Fault("is no share of a life", "1% to 99%");
        }

        long minutes = unit switch
        {
            "min" or "minute" or "minutes" => 1,
            "hour" or "hours" => 60,
            "day" or "days" => 24 * 60,
            _ => 0,
        };
        if (minutes == 0) return new Fault("has no unit that is known", "%, days, hours or minutes");
        if (number == 0) return new Fault("is no time at all");
        if (minutes * number > LongestDays * 24L * 60) return new Fault("is longer than a hundred years");
        span = OfTime(TimeSpan.FromMinutes(minutes * number));
        return null;
    }
}
