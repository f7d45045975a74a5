using System.Globalization;

namespace EstProv.Certificates.Tests.Support;

/// <summary>What this process holds of the system: the daemons, the servers and the test itself.</summary>
internal static class ProcessCounts
{
    /// <summary>What each open descriptor leads to, sockets and pipes without their numbers. The runtime keeps assemblies open from when it first needs them; they are left out.</summary>
    public static IReadOnlyList<string> Descriptors() =>
        [.. Directory.EnumerateFileSystemEntries("/proc/self/fd").Select(Target).OfType<string>().Order(StringComparer.Ordinal)];

    /// <summary>Names of threads; those of the runtime's pool come and go by its own reckoning and are left out.</summary>
    public static IReadOnlyList<string> Threads() =>
        [.. Directory.EnumerateDirectories("/proc/self/task").Select(NameOf).OfType<string>().Where(static name => !name.StartsWith(".NET", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>Bytes in use after everything that can be collected has been.</summary>
    public static long ManagedMemory()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>Bytes of resident memory.</summary>
    public static long Resident()
    {
        var line = File.ReadLines("/proc/self/status").First(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.AsSpan("VmRSS:".Length).TrimEnd("kB").Trim(), CultureInfo.InvariantCulture);
    }

    private static string? Target(string descriptor)
    {
        try
        {
            var target = File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name;
            // The folder that is being read is open as well.
            return target is null or "fd" || target.EndsWith(".dll", StringComparison.Ordinal) ? null : target.Split(':')[0];
        }
        catch (IOException)
        {
            // It was closed meanwhile.
            return null;
        }
    }

    private static string? NameOf(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).Trim();
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return null;
        }
    }
}
