using System.Globalization;

namespace EstProv.Keys;

/// <summary>
/// How often the daemon may start itself anew: at once the first time, then after 10 s, 20 s, 40 s … up to 5 min, until it has done
/// without for half an hour. What it remembers goes through the environment.
/// </summary>
/// <param name="remembered">What <see cref="Next"/> gave to this program; null in the first life.</param>
internal sealed class RestartPace(string? remembered)
{
    /// <summary><c>COUNT:MILLISECONDS</c> of the machine's uptime.</summary>
    public const string Variable = "ESTPROV_RESTARTED";

    private const long Shortest = 10_000, Longest = 300_000, Forgotten = 1_800_000;

    private readonly (int Count, long At)? _last = Parse(remembered);

    /// <param name="now">As <see cref="Environment.TickCount64"/> counts, which goes on over execve(2).</param>
    public bool MayRestart(long now) => _last is not { } last || now - last.At >= Wait(last.Count);

    /// <summary>For the next life.</summary>
    public string Next(long now)
    {
        var count = _last is { } last && now - last.At < Forgotten ? last.Count + 1 : 1;
        return string.Create(CultureInfo.InvariantCulture, $"{count}:{now}");
    }

    private static long Wait(int count) => Math.Min(Longest, Shortest << Math.Clamp(count - 1, 0, 10));

    private static (int, long)? Parse(string? text)
    {
        var colon = text?.IndexOf(':') ?? -1;
        if (colon < 0) return null;
        return int.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && long.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var at)
            ? (count, at)
            : null;
    }
}
