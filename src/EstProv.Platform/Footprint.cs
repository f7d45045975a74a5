using System.Globalization;

namespace EstProv.Platform;

/// <summary>Gives back the memory that only starting has needed.</summary>
public static class Footprint
{
    /// <summary>When a daemon has started, when the threads of its first callers have ended, and when a device's first certificates are there.</summary>
    private static readonly TimeSpan[] s_quietTimes = [TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(13), TimeSpan.FromSeconds(45)];

    /// <summary>Waits for <paramref name="stopping"/>; once the daemon has started, what starting has taken is given back.</summary>
    public static void Wait(CancellationToken stopping)
    {
        foreach (var time in s_quietTimes)
        {
            if (stopping.WaitHandle.WaitOne(time)) return;
            Trim();
        }

        stopping.WaitHandle.WaitOne();
    }

    /// <summary>
    /// Free heap goes to the kernel, and so do the mapped pages of program code: most of them have run once. The kernel maps those again
    /// that are executed again, 16 at a time, from the file.
    /// </summary>
    public static void Trim()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _ = Libc.TrimHeap(0);
        try
        {
            // All of them are found first: the search is code, too.
            var found = CleanCode(File.ReadLines("/proc/self/smaps")).ToArray();
            foreach (var (start, length) in found) _ = Libc.Advise((nint)start, (nuint)length, Libc.DoNotNeed);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            // Without /proc nothing is given back.
            return;
        }
    }

    /// <summary>
    /// The mappings of files that can be read and not written, and of which no page differs from the file (<c>Anonymous</c> and <c>Swap</c>
    /// are 0 in proc_pid_smaps(5)): only those can be dropped without losing anything.
    /// </summary>
    internal static IEnumerable<(ulong Start, ulong Length)> CleanCode(IEnumerable<string> smaps)
    {
        (ulong Start, ulong Length)? mapping = null;
        var anonymous = false;
        foreach (var line in smaps)
        {
            if (TryParseHeader(line, out var found, out var isCode))
            {
                mapping = isCode ? found : null;
                anonymous = true; // until it is said that there is none
            }
            else if (line.StartsWith("Anonymous:", StringComparison.Ordinal))
            {
                anonymous = !IsZero(line);
            }
            else if (mapping is { } clean && !anonymous && line.StartsWith("Swap:", StringComparison.Ordinal) && IsZero(line))
            {
                yield return clean;
            }
        }
    }

    // 55d0c0a00000-55d0c0b00000 r-xp 00002000 fe:00 247629   /usr/bin/estprov
    private static bool TryParseHeader(string line, out (ulong Start, ulong Length) range, out bool isCode)
    {
        range = default;
        isCode = false;
        var dash = line.IndexOf('-', StringComparison.Ordinal);
        var blank = line.IndexOf(' ', StringComparison.Ordinal);
        if (dash < 0 || blank < dash || line.Length < blank + 5
            || !ulong.TryParse(line.AsSpan(0, dash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var start)
            || !ulong.TryParse(line.AsSpan(dash + 1, blank - dash - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var end)) return false;
        range = (start, end - start);
        isCode = line.AsSpan(blank + 1, 4) is "r-xp" or "r--p" && line.Contains('/', StringComparison.Ordinal);
        return true;
    }

    private static bool IsZero(string line) => line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1).Trim() is "0 kB";
}
