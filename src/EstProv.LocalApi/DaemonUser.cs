using System.Runtime.InteropServices;
using EstProv.LocalApi.Interop;
using EstProv.Platform;

namespace EstProv.LocalApi;

/// <summary>
/// What root runs in a daemon's place (<c>--check</c>, the self test of a token) runs with the rights of the daemon's user: it meets what the
/// daemon will meet, and leaves nothing behind that the daemon could not read.
/// </summary>
public static unsafe class DaemonUser
{
    /// <summary>Takes on user, group and groups of <paramref name="name"/> for good. Nothing happens without root, or where there is no such user.</summary>
    /// <exception cref="ProblemException"><c>user_switch</c>.</exception>
    public static void TakeOn(string name)
    {
        if (Users.Self != 0 || !Users.TryFind(name, out var uid, out var gid)) return;
        if (Libc.InitializeGroups(name, gid) == 0 && Libc.SetGroup(gid, gid, gid) == 0 && Libc.SetUser(uid, uid, uid) == 0) return;
        throw new ProblemException("user_switch", $"the rights of user {name} cannot be taken on: {Errno.Describe(Marshal.GetLastPInvokeError())}",
            $"run this as that user (setpriv --reuid={name} --regid={name} --init-groups …), "
            + "or as a root that may change users: CAP_SETUID, CAP_SETGID");
    }
}
