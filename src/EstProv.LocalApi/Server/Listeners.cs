using System.Runtime.InteropServices;
using EstProv.LocalApi.Interop;
using EstProv.Platform;

namespace EstProv.LocalApi.Server;

/// <summary>The sockets that a server listens on: inherited from systemd, else one that it binds itself.</summary>
internal sealed class Listeners
{
    private const int Backlog = 128;
    private const uint Mode = 0x1B0; // 0660
    private readonly string? _bound;

    private Listeners(int[] descriptors, string? bound)
    {
        Descriptors = descriptors;
        _bound = bound;
    }

    public int[] Descriptors { get; }

    /// <exception cref="ProblemException"><c>socket_in_use</c>, <c>socket_path</c>, <c>socket_bind</c>.</exception>
    public static Listeners Open(LocalServerOptions options)
    {
        var inherited = SocketActivation.Take(options.InheritedSocketName);
        if (inherited.Length == 0) return new Listeners([Bind(options)], options.SocketPath);
        foreach (var descriptor in inherited)
        {
            UnixSocket.SetCloseOnExec(descriptor);
            UnixSocket.SetNonBlocking(descriptor);
            // Clients check who listens: listening again puts this process in systemd's place (SO_PEERCRED).
            _ = Libc.Listen(descriptor, Backlog);
        }

        return new Listeners(inherited, null);
    }

    /// <summary>Stops listening, and removes the socket file where this process made it and nobody has replaced it.</summary>
    public void Close()
    {
        foreach (var descriptor in Descriptors) _ = Libc.Close(descriptor);
        if (_bound is not null && Probe(_bound) == Errno.ConnectionRefused) TryDelete(_bound);
    }

    private static int Bind(LocalServerOptions options)
    {
        var path = options.SocketPath;
        Span<byte> address = stackalloc byte[110];
        if (UnixSocket.Address(path, address) == 0)
        {
            throw new ProblemException("socket_path", $"the socket path {path} is longer than {UnixSocket.LongestPath} bytes", "choose a shorter --runtime-dir");
        }

        switch (Probe(path))
        {
            case 0 or Errno.Again:
                throw new ProblemException("socket_in_use", $"another daemon is already serving {path}", "stop it first, or choose another --runtime-dir");
            case Errno.ConnectionRefused:
                TryDelete(path);
                break;
        }

        var descriptor = UnixSocket.Create(UnixSocket.StreamType);
        if (descriptor < 0) throw Failed(path, Marshal.GetLastPInvokeError());
        // On Linux the file gets the mode of the unbound socket, less the umask: it is never wider than it should be.
        _ = Libc.ChangeMode(descriptor, Mode);
        var error = UnixSocket.Bind(descriptor, path);
        if (error == 0)
        {
            if (Users.FindGroup(options.Group) is { } group) _ = Libc.ChangeOwner(path, uint.MaxValue, group);
            File.SetUnixFileMode(path, (UnixFileMode)Mode);
            UnixSocket.SetNonBlocking(descriptor);
            if (Libc.Listen(descriptor, Backlog) == 0) return descriptor;
            error = Marshal.GetLastPInvokeError();
        }

        _ = Libc.Close(descriptor);
        throw Failed(path, error);
    }

    /// <summary>What a client would meet: 0 when somebody listens there, else errno.</summary>
    private static int Probe(string path)
    {
        var descriptor = UnixSocket.Create(UnixSocket.StreamType);
        if (descriptor < 0) return Marshal.GetLastPInvokeError();
        UnixSocket.SetTimeouts(descriptor, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100));
        var error = UnixSocket.Connect(descriptor, path);
        _ = Libc.Close(descriptor);
        return error;
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            // Binding fails then, and says why.
            return;
        }
    }

    private static ProblemException Failed(string path, int error) => error switch
    {
        Errno.NoEntry => new ProblemException("socket_bind", $"cannot bind {path}: its folder does not exist", "create the runtime folder (systemd-tmpfiles does so for /run/estprov)"),
        Errno.AccessDenied or Errno.NotPermitted => new ProblemException("socket_bind", $"cannot bind {path}: permission denied", "let the daemon's user write to the runtime folder, or start it through its .socket unit"),
        Errno.AddressInUse => new ProblemException("socket_bind", $"cannot bind {path}: something else is there", "remove it, or choose another --runtime-dir"),
        _ => new ProblemException("socket_bind", $"cannot bind {path}: {Errno.Describe(error)}", "check the runtime folder"),
    };
}
