using System.Runtime.InteropServices;

namespace EstProv.Platform;

/// <summary>What changes when a file's content is replaced or rewritten: looked at, not read (statx(2)). Times are nanoseconds since 1970.</summary>
/// <param name="Changed">ctime, which no program can set back.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct FileStamp(ulong Inode, ulong Size, long Modified, long Changed)
{
    /// <summary>Of a file or folder, symbolic links followed; the default value where it cannot be looked at.</summary>
    public static unsafe FileStamp Of(string path)
    {
        const int InodeAt = 32, SizeAt = 40, ChangedAt = 96, ModifiedAt = 112;
        Span<byte> status = stackalloc byte[256];
        fixed (byte* pointer = status)
        {
            if (Libc.FileStatus(Libc.CurrentFolder, path, 0, Libc.BasicStatus, pointer) != 0) return default;
        }

        return new FileStamp(MemoryMarshal.Read<ulong>(status[InodeAt..]), MemoryMarshal.Read<ulong>(status[SizeAt..]), Time(status[ModifiedAt..]), Time(status[ChangedAt..]));
    }

    // struct statx_timestamp: seconds in 64 bits, nanoseconds in 32.
    private static long Time(ReadOnlySpan<byte> time) => MemoryMarshal.Read<long>(time) * 1_000_000_000 + MemoryMarshal.Read<uint>(time[8..]);
}
