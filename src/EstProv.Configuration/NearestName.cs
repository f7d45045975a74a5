namespace EstProv.Configuration;

/// <summary>Finds the name that was probably meant.</summary>
internal static class NearestName
{
    /// <summary>
    /// The known name within a third of the length in edits (insert, delete, replace, swap neighbours); else one that continues the name
    /// or is continued by it; or null.
    /// </summary>
    public static string? Find(string name, IEnumerable<string> known)
    {
        string? best = null;
        var bestDistance = int.MaxValue;
        foreach (var candidate in known)
        {
            var most = Math.Max(1, Math.Max(name.Length, candidate.Length) / 3);
            var distance = Math.Abs(name.Length - candidate.Length) > most ? int.MaxValue : Distance(name, candidate);
            if (distance > most) distance = Continues(name, candidate) ? int.MaxValue - 1 : int.MaxValue;
            if (distance >= bestDistance) continue;
            best = candidate;
            bestDistance = distance;
        }

        return best;
    }

    private static bool Continues(string a, string b) =>
        Math.Min(a.Length, b.Length) >= 4
        && (a.StartsWith(b, StringComparison.OrdinalIgnoreCase) || b.StartsWith(a, StringComparison.OrdinalIgnoreCase));

    // Optimal string alignment, over three rows.
    private static int Distance(string a, string b)
    {
        var before = new int[b.Length + 1];
        var previous = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++) previous[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = previous[j - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1);
                current[j] = Math.Min(replaced, Math.Min(previous[j], current[j - 1]) + 1);
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]))
                {
                    current[j] = Math.Min(current[j], before[j - 2] + 1);
                }
            }

            (before, previous, current) = (previous, current, before);
        }

        return previous[b.Length];
    }

    // A dash for an underscore, or another case, is the same slip as none: the name is surely this one.
    private static bool Same(char a, char b) =>
        char.ToLowerInvariant(a == '-' ? '_' : a) == char.ToLowerInvariant(b == '-' ? '_' : b);
}
