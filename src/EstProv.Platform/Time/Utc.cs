using System.Globalization;

namespace EstProv.Platform.Time;

/// <summary>Times as they stand in files and answers: <c>2026-01-31T12:00:00Z</c> (RFC 3339, UTC); those of a daemon's changes have milliseconds.</summary>
public static class Utc
{
    // One exact format: the framework's reader of any is 30 KB that nothing else needs.
    private const string Form = "yyyy-MM-dd'T'HH:mm:ss'Z'", ReadForm = "yyyy-MM-dd'T'HH:mm:ss.FFF'Z'";

    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString(Form, CultureInfo.InvariantCulture);

    /// <summary>Null for what is not of this form.</summary>
    public static DateTimeOffset? Parse(string? text)
        => DateTimeOffset.TryParseExact(text, ReadForm, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
