using System.Runtime.InteropServices;

namespace EstProv.Platform.Tests.Support;

/// <summary>Mounts that one thread alone sees, and that go with it. Needs root.</summary>
internal static unsafe partial class OwnMounts
{
    private const int NewMounts = 0x20000; // CLONE_NEWNS
    private const nuint ReadOnly = 1, Remount = 32, Recursive = 0x4000, Private = 0x40000;

    /// <summary>Does something where a folder is a small file system of its own.</summary>
    /// <param name="folder">Must be there.</param>
    /// <param name="action">Gets the means to make it read-only.</param>
    public static void Run(string folder, Action<Action> action)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Succeed(Unshare(NewMounts));
                Succeed(Mount(null, "/", null, Recursive | Private, null));
                Succeed(Mount("tmpfs", folder, "tmpfs", 0, "size=64k"));
                action(() => Succeed(Mount(null, folder, null, Remount | ReadOnly, null)));
            }
            catch (Exception cause)
            {
                failure = cause;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null) throw new InvalidOperationException("among mounts of its own", failure);
    }

    private static void Succeed(int result) => Assert.That(result, Is.Zero, $"error {Marshal.GetLastPInvokeError()}: root may do so");

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "mount", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Mount(string? source, string target, string? type, nuint flags, string? data);
}
