using System.Runtime.InteropServices;
using EstProv.LocalApi.Interop;
using EstProv.Platform;

namespace EstProv.LocalApi.Server;

/// <summary>The sockets that a server listens on: inherited from systemd, else one that it binds itself.</summary>
internal sealed class Listeners
{
    private const int Backlog = 128;
    private const uint Mode = 0x1B0; // 0660
    private const string UnreadySuffix = "~";
    private readonly string _path;
    private ulong? _inode;

    private Listeners(LocalServerOptions options)
    {
        _path = options.SocketPath;
        if (SocketHandover.Take(_path, options.Handover) is { } handover)
        {
            Descriptors = handover.Listeners;
            Connections = handover.Connections;
            if (handover.IsOwn) _inode = SocketFile.Find(_path);
        }
        else
        {
            var inherited = options.Descriptors ?? SocketActivation.Take(options.InheritedSocketName);
            Descriptors = inherited.Length > 0 ? inherited : [Bind(options)];
        }

        foreach (var descriptor in Descriptors)
        {
            UnixSocket.SetCloseOnExec(descriptor);
            UnixSocket.SetNonBlocking(descriptor);
            // Clients check who listens (SO_PEERCRED): listening again puts this process in systemd's place.
            _ = Libc.Listen(descriptor, Backlog);
        }
    }

    public int[] Descriptors { get; }

    /// <summary>Connections that the earlier program of this process has left.</summary>
    public int[] Connections { get; } = [];

    /// <summary>This process has bound the socket itself.</summary>
    public bool IsOwn => _inode is not null;

    /// <summary>Whether the group exists but the socket could not be given to it.</summary>
    public bool GroupRefused { get; private set; }

    /// <exception cref="ProblemException"><c>socket_in_use</c>, <c>socket_path</c>, <c>socket_bind</c>.</exception>
    public static Listeners Open(LocalServerOptions options) => new(options);

    /// <summary>Stops listening, and removes the socket's file where this process made it and nobody has replaced it.</summary>
    public void Close()
    {
        foreach (var descriptor in Descriptors) _ = Libc.Close(descriptor);
        if (_inode is not null && SocketFile.Find(_path) == _inode) SocketFile.Delete(_path);
    }

    // Under another name until it listens and its group may connect: who finds the socket is answered.
    private int Bind(LocalServerOptions options)
    {
        var unready = _path + UnreadySuffix;
        MakeRoom(unready);
        var descriptor = UnixSocket.Create(UnixSocket.StreamType);
        if (descriptor < 0) throw Failed(Marshal.GetLastPInvokeError());
        // On Linux the file gets the mode of the unbound socket, less the umask: it is never wider than it should be.
        _ = Libc.ChangeMode(descriptor, Mode);
        var error = UnixSocket.Bind(descriptor, unready);
        if (error == 0)
        {
            if (Users.FindGroup(options.Group) is { } group) GroupRefused = Libc.ChangeOwner(unready, uint.MaxValue, group) != 0;
            File.SetUnixFileMode(unready, (UnixFileMode)Mode);
            _ = Libc.Listen(descriptor, Backlog);
            _inode = SocketFile.Find(unready);
            error = SocketFile.Rename(unready, _path);
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
            throw new ProblemException("socket_path", $"the socket path {_path} is longer than {UnixSocket.LongestPath - UnreadySuffix.Length} bytes", "choose a shorter --runtime-dir");
        }

        if (SocketFile.Find(unready) is not null) SocketFile.Delete(unready);
        if (SocketFile.Find(_path) is null) return;
        var probe = UnixSocket.Create(UnixSocket.StreamType);
        if (probe < 0) throw Failed(Marshal.GetLastPInvokeError());
        UnixSocket.SetTimeouts(probe, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100));
        var error = UnixSocket.Connect(probe, _path);
        _ = Libc.Close(probe);
        // EAGAIN: its queue is full, so somebody holds it.
        if (error is 0 or Errno.Again)
        {
            throw new ProblemException("socket_in_use", $"another daemon is already serving {_path}", "stop it first, or choose another --runtime-dir");
        }

        if (error == Errno.ConnectionRefused) SocketFile.Delete(_path);
    }

    private ProblemException Failed(int error) => error switch
    {
        Errno.NoEntry => new ProblemException("socket_bind", $"cannot bind {_path}: its folder does not exist", "create the runtime folder (systemd-tmpfiles does so for /run/estprov)"),
        Errno.AccessDenied or Errno.NotPermitted => new ProblemException("socket_bind", $"cannot bind {_path}: permission denied", "let the daemon's user write to the runtime folder, or start it through its .socket unit"),
        Errno.AddressInUse => new ProblemException("socket_bind", $"cannot bind {_path}: something else is there", "remove it, or choose another --runtime-dir"),
        _ => new ProblemException("socket_bind", $"cannot bind {_path}: {Errno.Describe(error)}", "check the runtime folder"),
    };
}
