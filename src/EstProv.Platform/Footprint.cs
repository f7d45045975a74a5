using System.Globalization;

namespace EstProv.Platform;

/// <summary>Gives back the memory that only starting has needed.</summary>
public static class Footprint
{
    /// <summary>When a daemon has started, when the threads of its first callers have ended, and when a device's first certificates are there.</summary>
    private static readonly TimeSpan[] s_quietTimes = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(12), TimeSpan.FromSeconds(44)];

    /// <summary>
    /// A library is mapped as a whole before its parts are, and only then are its tables written: what is seen in that moment looks clean,
    /// and would be dropped with the tables. It lasts for microseconds.
    /// </summary>
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(1);

    /// <summary>Waits for <paramref name="stopping"/>; once the daemon has started, what starting has taken is given back.</summary>
    public static void Wait(CancellationToken stopping)
    {
        foreach (var time in s_quietTimes)
        {
            if (stopping.WaitHandle.WaitOne(time)) return;
            var before = Look();
            if (stopping.WaitHandle.WaitOne(s_settling)) return;
            Trim(before);
        }

        stopping.WaitHandle.WaitOne();
    }

    /// <summary>
    /// Free heap goes to the kernel, and so do the mapped pages of program code: most of them have run once. The kernel maps those again
    /// that are executed again, 16 at a time, from the file.
    /// </summary>
    /// <param name="before">What <see cref="Look"/> has found well before: nothing else is dropped.</param>
    public static void Trim((ulong Start, ulong Length)[] before)
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _ = Libc.TrimHeap(0);
        // All of them are found first: the search is code, too.
        foreach (var (start, length) in InBoth(before, Look())) _ = Libc.Advise((nint)start, (nuint)length, Libc.DoNotNeed);
    }

    /// <summary>The process's mappings as <see cref="CleanCode"/> has them; none without /proc.</summary>
    public static (ulong Start, ulong Length)[] Look()
    {
        try
        {
            return CleanCode(File.ReadLines("/proc/self/smaps")).ToArray();
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    internal static List<(ulong Start, ulong Length)> InBoth((ulong Start, ulong Length)[] before, (ulong Start, ulong Length)[] now)
    {
        var both = new List<(ulong Start, ulong Length)>();
        foreach (var mapping in now)
        {
            foreach (var earlier in before)
            {
                if (earlier.Start == mapping.Start && earlier.Length == mapping.Length) both.Add(mapping);
            }
        }

        return both;
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
