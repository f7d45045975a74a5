using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace EstProv.Keys;

/// <summary>Who owns a file, by statx(2), whose structure is the same on every architecture.</summary>
internal static partial class FileOwner
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint BasicFacts = 0x7FF; // STATX_BASIC_STATS

    public static bool TryGet(string path, out uint uid, out uint gid)
    {
        Span<byte> facts = stackalloc byte[256];
        var done = Statx(CurrentFolder, path, 0, BasicFacts, facts) == 0;
        // stx_mask u32, stx_blksize u32, stx_attributes u64, stx_nlink u32, stx_uid u32, stx_gid u32
        uid = BinaryPrimitives.ReadUInt32LittleEndian(facts[20..]);
        gid = BinaryPrimitives.ReadUInt32LittleEndian(facts[24..]);
        return done;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, Span<byte> facts);
}
