using System.Runtime.InteropServices;
using EstProv.LocalApi.Interop;

namespace EstProv.LocalApi;

/// <summary>Names and numbers of the machine's users and groups, as its name service knows them (getpwnam_r(3), getgrnam_r(3)).</summary>
public static unsafe class Users
{
    private const int LargestEntry = 1 << 20;

    /// <summary>The effective uid of this process.</summary>
    public static uint Self => Libc.EffectiveUserId();

    /// <summary>The uid of a user; null when there is none of this name.</summary>
    public static uint? FindUser(string name) => TryFind(name, out var uid, out _) ? uid : null;

    /// <summary>The uid of a user and the gid of his own group.</summary>
    public static bool TryFind(string name, out uint uid, out uint gid)
    {
        uid = gid = 0;
        for (var size = 1024; size <= LargestEntry; size *= 4)
        {
            var buffer = new byte[size];
            fixed (byte* pointer = buffer)
            {
                Libc.UserEntry entry;
                Libc.UserEntry* result;
                if (Libc.GetUserByName(name, &entry, pointer, (nuint)size, &result) == Errno.Range) continue;
                if (result is not null) (uid, gid) = (entry.Uid, entry.Gid);
                return result is not null;
            }
        }

        return false;
    }

    /// <summary>The gid of a group; null when there is none of this name.</summary>
    public static uint? FindGroup(string name) => TryFindGroup(name, null, out var gid, out _) ? gid : null;

    /// <summary>Whether a user has this group, as his own or as one more; false where there is no such user or group.</summary>
    public static bool IsInGroup(uint uid, string group)
    {
        if (NameOf(uid) is not { } user || !TryFind(user, out _, out var own)) return false;
        return TryFindGroup(group, user, out var gid, out var isMember) && (isMember || own == gid);
    }

    private static bool TryFindGroup(string name, string? user, out uint gid, out bool isMember)
    {
        (gid, isMember) = (0, false);
        for (var size = 1024; size <= LargestEntry; size *= 4)
        {
            var buffer = new byte[size];
            fixed (byte* pointer = buffer)
            {
                Libc.GroupEntry entry;
                Libc.GroupEntry* result;
                if (Libc.GetGroupByName(name, &entry, pointer, (nuint)size, &result) == Errno.Range) continue;
                if (result is null) return false;
                gid = entry.Gid;
                for (var member = entry.Members; user is not null && *member is not null; member++) isMember |= Marshal.PtrToStringUTF8((nint)(*member)) == user;
                return true;
            }
        }

        return false;
    }

    /// <summary>The name of a uid; null when it has none.</summary>
    public static string? NameOf(uint uid)
    {
        for (var size = 1024; size <= LargestEntry; size *= 4)
        {
            var buffer = new byte[size];
            fixed (byte* pointer = buffer)
            {
                Libc.UserEntry entry;
                Libc.UserEntry* result;
                if (Libc.GetUserById(uid, &entry, pointer, (nuint)size, &result) == Errno.Range) continue;
                return result is null ? null : Marshal.PtrToStringUTF8((nint)entry.Name);
            }
        }

        return null;
    }
}
