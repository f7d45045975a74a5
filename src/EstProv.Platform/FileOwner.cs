using System.Runtime.InteropServices;

namespace EstProv.Platform;

/// <summary>Whose a file or folder is, and what it lies on (statx(2), statvfs(3)). Symbolic links are followed.</summary>
/// <param name="mode">The permission bits, such as 0700.</param>
public sealed class FileOwner(uint user, int mode)
{
    public uint User => user;

    public int Mode => mode;

    /// <summary>Null where it cannot be looked at.</summary>
    public static unsafe FileOwner? Of(string path)
    {
        const int UserAt = 20, ModeAt = 28, Permissions = 0xFFF;
        Span<byte> status = stackalloc byte[256];
        fixed (byte* pointer = status)
        {
            if (Libc.FileStatus(Libc.CurrentFolder, path, 0, Libc.BasicStatus, pointer) != 0) return null;
        }

        return new FileOwner(MemoryMarshal.Read<uint>(status[UserAt..]), MemoryMarshal.Read<ushort>(status[ModeAt..]) & Permissions);
    }

    /// <summary>Gives a file to a group (chown(2)); its user stays.</summary>
    /// <returns>False where the caller may not.</returns>
    public static bool GiveToGroup(string path, uint group) => Libc.ChangeOwner(path, uint.MaxValue, group) == 0;

    /// <summary>Bytes that a user who is not root may still write to the file system of a path; null where it cannot be looked
    /// at.</summary>
    public static unsafe long? FreeBytes(string path)
    {
        const int SizeAt = 8, FreeAt = 32;
        Span<byte> status = stackalloc byte[256];
        fixed (byte* pointer = status)
        {
            if (Libc.FileSystemStatus(path, pointer) != 0) return null;
        }

        return MemoryMarshal.Read<long>(status[SizeAt..]) * MemoryMarshal.Read<long>(status[FreeAt..]);
    }
}
