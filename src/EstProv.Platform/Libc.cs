using System.Runtime.InteropServices;

namespace EstProv.Platform;

/// <summary>The few libc calls that the framework does not offer.</summary>
internal static partial class Libc
{
    public const int ReadOnly = 0;
    public const int CloseOnExec = 0x80000;

    /// <summary>Opens a folder for <see cref="FileSync"/>. O_DIRECTORY is not passed: its value differs between x86-64 and arm64.</summary>
    public static int OpenDirectory(string path) => Open(path, ReadOnly | CloseOnExec);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    /// <summary>AT_FDCWD and STATX_BASIC_STATS of statx(2), whose structure is the same on all architectures.</summary>
    public const int CurrentFolder = -100;
    public const uint BasicStatus = 0x7FF;

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static unsafe partial int FileStatus(int folder, string path, int flags, uint mask, byte* status);

    /// <summary>struct statvfs of 64-bit glibc has 112 bytes: f_frsize at 8, f_bavail at 32.</summary>
    [LibraryImport("libc", EntryPoint = "statvfs", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static unsafe partial int FileSystemStatus(string path, byte* status);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int FileSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int ProcessControl(int option, nuint argument2, nuint argument3, nuint argument4, nuint argument5);

    /// <summary>MADV_DONTNEED and MADV_DONTDUMP of madvise(2).</summary>
    public const int DoNotNeed = 4;
    public const int DoNotDump = 16;

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    public static partial int Advise(nint start, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true)]
    public static unsafe partial int Execute(byte* path, nint* arguments, nint* environment);

    [LibraryImport("libc", EntryPoint = "popen", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint OpenProgram(string commandLine, string mode);

    [LibraryImport("libc", EntryPoint = "fread")]
    public static unsafe partial nuint ReadStream(byte* into, nuint size, nuint count, nint stream);

    [LibraryImport("libc", EntryPoint = "pclose")]
    public static partial int CloseProgram(nint stream);

    /// <summary>Variadic in C; on x86-64 and arm64 Linux an integer argument travels as in an ordinary call.</summary>
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int FileControl(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "mlock", SetLastError = true)]
    public static partial int LockMemory(nint start, nuint length);

    /// <summary>PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS of mmap(2), which are the same on x86-64 and arm64.</summary>
    public const int ReadWrite = 3;
    public const int PrivateAnonymous = 0x22;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(nint start, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint start, nuint length);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    public static partial int TrimHeap(nuint pad);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static unsafe partial int Poll(int* entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "chown", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int ChangeOwner(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUserId();
}
