using System.Runtime.InteropServices;

namespace EstProv.LocalApi.Tests.Support;

/// <summary>Does something under another effective uid, on a thread of its own: what it connects belongs to that uid for good (SO_PEERCRED). Needs root.</summary>
internal static partial class AsUid
{
    // setresuid(2) by its number, since libc's own changes all threads.
    private static readonly nint SetResUid = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 147 : 117;

    public static T Run<T>(uint uid, Func<T> action)
    {
        T result = default!;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            if (Syscall(SetResUid, -1, (nint)uid, -1) != 0)
            {
                failure = new InvalidOperationException("another uid can be taken by root only");
                return;
            }

            try
            {
                result = action();
            }
            catch (Exception cause)
            {
                failure = cause;
            }
            finally
            {
                _ = Syscall(SetResUid, -1, 0, -1);
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result : throw new InvalidOperationException($"under uid {uid}", failure);
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint first, nint second, nint third);
}
