using System.Runtime.InteropServices;
using EstProv.LocalApi.Interop;
using EstProv.Platform;

namespace EstProv.LocalApi.Server;

/// <summary>A listening socket that this process has made at a path: for its user and one group only, and there only while it answers.</summary>
internal sealed class BoundSocket
{
    public const int Backlog = 128;
    private const uint Mode = 0x1B0; // 0660
    private const string UnreadySuffix = "~";
    private ulong? _inode;

    /// <exception cref="ProblemException"><c>socket_in_use</c>, <c>socket_path</c>, <c>socket_bind</c>.</exception>
    public BoundSocket(string path, string group)
    {
        Path = path;
        Descriptor = Bind(group);
    }

    /// <summary>One that the earlier program of this process made.</summary>
    public BoundSocket(string path, int descriptor)
    {
        Path = path;
        Descriptor = descriptor;
        _inode = SocketFile.Find(path);
    }

    public string Path { get; }

    public int Descriptor { get; }

    /// <summary>Whether the group exists but the socket could not be given to it.</summary>
    public bool GroupRefused { get; private set; }

    /// <summary>Stops listening, and removes the socket's file unless somebody has replaced it.</summary>
    public void Close()
    {
        _ = Libc.Close(Descriptor);
        if (_inode is not null && SocketFile.Find(Path) == _inode) SocketFile.Delete(Path);
    }

    /// <summary>Whether a listener's address is the one that a socket at this path was made under.</summary>
    public static bool WasMadeFor(string path, string? address) => address is not null && address.Length == path.Length + UnreadySuffix.Length
        && address.StartsWith(path, StringComparison.Ordinal) && address.EndsWith(UnreadySuffix, StringComparison.Ordinal);

    // Under another name until it listens and its group may connect: who finds the socket is answered.
    private int Bind(string group)
    {
        var unready = Path + UnreadySuffix;
        MakeRoom(unready);
        var descriptor = UnixSocket.Create(UnixSocket.StreamType);
        if (descriptor < 0) throw Failed(Marshal.GetLastPInvokeError());
        // On Linux the file gets the mode of the unbound socket, less the umask: it is never wider than it should be.
        _ = Libc.ChangeMode(descriptor, Mode);
        var error = UnixSocket.Bind(descriptor, unready);
        if (error == 0)
        {
            if (Users.FindGroup(group) is { } gid) GroupRefused = Libc.ChangeOwner(unready, uint.MaxValue, gid) != 0;
            File.SetUnixFileMode(unready, (UnixFileMode)Mode);
            _ = Libc.Listen(descriptor, Backlog);
            _inode = SocketFile.Find(unready);
            error = SocketFile.Rename(unready, Path);
        }

        if (error == 0) return descriptor;
        _ = Libc.Close(descriptor);
        throw Failed(error);
    }

    /// <summary>Removes a socket on which nobody listens any more.</summary>
    private void MakeRoom(string unready)
    {
        if (UnixSocket.Address(unready, stackalloc byte[110]) == 0)
        {
            throw new ProblemException("socket_path", $"the socket path {Path} is longer than {UnixSocket.LongestPath - UnreadySuffix.Length} bytes", "choose a shorter --runtime-dir");
        }

        if (SocketFile.Find(unready) is not null) SocketFile.Delete(unready);
        if (SocketFile.Find(Path) is null) return;
        var probe = UnixSocket.Create(UnixSocket.StreamType);
        if (probe < 0) throw Failed(Marshal.GetLastPInvokeError());
        UnixSocket.SetTimeouts(probe, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100));
        var error = UnixSocket.Connect(probe, Path);
        _ = Libc.Close(probe);
        // EAGAIN: its queue is full, so somebody holds it.
        if (error is 0 or Errno.Again)
        {
            throw new ProblemException("socket_in_use", $"another daemon is already serving {Path}", "stop it first, or choose another --runtime-dir");
        }

        if (error == Errno.ConnectionRefused) SocketFile.Delete(Path);
    }

    private ProblemException Failed(int error) => error switch
    {
        Errno.NoEntry => new ProblemException("socket_bind", $"cannot bind {Path}: its folder does not exist", "create the folder (systemd-tmpfiles does so for /run/estprov)"),
        Errno.AccessDenied or Errno.NotPermitted => new ProblemException("socket_bind", $"cannot bind {Path}: permission denied", "let the daemon's user write to the folder, or start it through its .socket unit"),
        Errno.AddressInUse => new ProblemException("socket_bind", $"cannot bind {Path}: something else is there", "remove it, or choose another path"),
        _ => new ProblemException("socket_bind", $"cannot bind {Path}: {Errno.Describe(error)}", "check the folder"),
    };
}
