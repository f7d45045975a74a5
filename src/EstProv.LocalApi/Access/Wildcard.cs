namespace EstProv.LocalApi.Access;

/// <summary>Patterns with <c>*</c> for any run of characters and <c>?</c> for one, as the ids of a <c>[[principal]]</c> are.</summary>
public static class Wildcard
{
    /// <summary>In time proportional to both lengths at worst: a pattern is configuration, a text is anybody's.</summary>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        int p = 0, t = 0, star = -1, retry = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                retry = t;
            }
            else if (p < pattern.Length && (pattern[p] == '?' || pattern[p] == text[t]))
            {
                p++;
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++retry;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*') p++;
        return p == pattern.Length;
    }

    /// <summary>Whether one of the patterns does.</summary>
    public static bool MatchesAny(IReadOnlyList<string> patterns, ReadOnlySpan<char> text)
    {
        for (var i = 0; i < patterns.Count; i++)
        {
            if (Matches(patterns[i], text)) return true;
        }

        return false;
    }
}
