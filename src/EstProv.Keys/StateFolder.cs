using System.Runtime.InteropServices;
using EstProv.LocalApi;
using EstProv.Platform;

namespace EstProv.Keys;

/// <summary>The Key Service's state on disk: <c>homedir_path</c>.</summary>
internal sealed partial class StateFolder(string path)
{
    private const uint NoChange = uint.MaxValue; // chown(2)

    /// <summary>The user that the Key Service runs as.</summary>
    public const string DaemonUser = "estprov-keyd";

    public string Root => path;

    /// <summary>One file for each key id.</summary>
    public string Index { get; } = Path.Combine(path, "keys");

    /// <summary>The private keys of the file store.</summary>
    public string Files { get; } = Path.Combine(path, "files");

    /// <summary>The key that authenticates handles.</summary>
    public string HandleKey => Path.Combine(Root, "handle.key");

    /// <summary>Which PINs have been refused.</summary>
    public string Pins => PinsIn(Root);

    public static string PinsIn(string root) => Path.Combine(root, "pins");

    /// <summary>Makes what is missing, and removes what interrupted writes have left.</summary>
    /// <exception cref="ProblemException"><c>state_folder</c>.</exception>
    public void Prepare()
    {
        foreach (var folder in (ReadOnlySpan<string>)[Root, Index, Files])
        {
            Make(folder);
            AtomicFile.RemoveLeftovers(folder);
        }
    }

    /// <summary>Makes the folder itself, for who only needs that. Made by root, it belongs to the daemon's user.</summary>
    /// <exception cref="ProblemException"><c>state_folder</c>.</exception>
    public static void EnsureRoot(string path)
    {
        if (Directory.Exists(path)) return;
        Make(path);
        if (ProcessHardening.UserId == 0 && Users.FindUser(DaemonUser) is { } user) _ = ChangeOwner(path, user, Users.FindGroup(DaemonUser) ?? NoChange);
    }

    private static void Make(string path)
    {
        try
        {
            AtomicFile.CreateFolder(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("state_folder", $"the state folder {path} cannot be made",
                "create homedir_path on a writable file system with free space, and give it to the Key Service's user; it is tried again by itself", 500, cause);
        }
    }

    [LibraryImport("libc", EntryPoint = "lchown", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint uid, uint gid);
}
