using System.Globalization;
using System.Text;

namespace EstProv.Est.Messages;

/// <summary>What a server says is shown, but it can neither forge a log line nor fill the log.</summary>
public static class PeerText
{
    private const int Longest = 300;

    public static string Clean(ReadOnlySpan<byte> utf8, string? secret = null)
    {
        var bounded = utf8[..Math.Min(utf8.Length, 16 * Longest)];
        return Clean(Encoding.UTF8.GetString(bounded), secret);
    }

    /// <summary>Control and format characters become one space, as does white space; at most 300 characters stay.</summary>
    public static string Clean(string text, string? secret = null)
    {
        if (!string.IsNullOrEmpty(secret)) text = text.Replace(secret, "***", StringComparison.Ordinal);
        var cleaned = new StringBuilder(Math.Min(text.Length, Longest));
        foreach (var rune in text.EnumerateRunes())
        {
            if (cleaned.Length >= Longest)
            {
                cleaned.Append('…');
                break;
            }

            if (IsShown(rune)) cleaned.Append(rune.ToString());
            else if (cleaned.Length > 0 && cleaned[^1] != ' ') cleaned.Append(' ');
        }

        return cleaned.ToString().TrimEnd();
    }

    private static bool IsShown(Rune rune) => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
}
