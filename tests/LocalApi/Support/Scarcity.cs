using System.Runtime.InteropServices;

namespace EstProv.LocalApi.Tests.Support;

/// <summary>Does something while this process gets no more of what the machine has to give. Needs root, and nothing else going on.</summary>
internal static partial class Scarcity
{
    private const int Tasks = 6, OpenFiles = 7; // RLIMIT_NPROC, RLIMIT_NOFILE

    // setresuid(2) by its number, since libc's own changes all threads.
    private static readonly nint s_setResUid = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 147 : 117;

    /// <summary>Without a descriptor to be had.</summary>
    public static void OfDescriptors(Action action) => Limited(OpenFiles, action);

    /// <summary>Without a thread to be had: the limit is that of a user but root, whom the thread that acts becomes meanwhile.</summary>
    public static void OfThreads(Action action)
    {
        const nint Somebody = 65_003;
        Exception? failure = null;
        var thread = new Thread(() => Limited(Tasks, () =>
        {
            if (Syscall(s_setResUid, Somebody, Somebody, 0) != 0) failure = new InvalidOperationException("another uid can be taken by root only");
            try
            {
                if (failure is null) action();
            }
            catch (Exception cause)
            {
                failure = cause;
            }
            finally
            {
                _ = Syscall(s_setResUid, 0, 0, 0);
            }
        }));
        thread.Start();
        thread.Join();
        if (failure is not null) throw new InvalidOperationException("without threads", failure);
    }

    private static void Limited(int resource, Action action)
    {
        Assert.That(GetLimit(resource, out var before), Is.Zero);
        Assert.That(SetLimit(resource, before with { Now = 0 }), Is.Zero);
        try
        {
            action();
        }
        finally
        {
            _ = SetLimit(resource, before);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private record struct Limit(nuint Now, nuint Most);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in Limit limit);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint first, nint second, nint third);
}
