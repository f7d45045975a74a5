using System.Runtime.InteropServices;

namespace EstProv.LocalApi.Interop;

/// <summary>The file by which a Unix socket is found, told apart from others that came to its path later.</summary>
internal static unsafe class SocketFile
{
    /// <summary>The inode of the socket at a path; null when there is nothing, or something that is no socket.</summary>
    public static ulong? Find(string path)
    {
        const int CurrentFolder = -100, DoNotFollow = 0x100, TypeAndInode = 0x1 | 0x100;
        const int ModeAt = 28, InodeAt = 32, TypeMask = 0xF000, SocketType = 0xC000;
        Span<byte> status = stackalloc byte[256];
        fixed (byte* pointer = status)
        {
            if (Libc.FileStatus(CurrentFolder, path, DoNotFollow, TypeAndInode, pointer) != 0) return null;
        }

        return (MemoryMarshal.Read<ushort>(status[ModeAt..]) & TypeMask) == SocketType ? MemoryMarshal.Read<ulong>(status[InodeAt..]) : null;
    }

    /// <summary>Gives it another name, which nothing may have yet. 0, or errno.</summary>
    public static int Rename(string from, string to)
    {
        if (Libc.Link(from, to) != 0) return Marshal.GetLastPInvokeError() is var error && error == Errno.Exists ? Errno.AddressInUse : error;
        Delete(from);
        return 0;
    }

    /// <summary>Removes it; that it cannot be removed shows where something else is to be bound.</summary>
    public static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            return;
        }
    }
}
