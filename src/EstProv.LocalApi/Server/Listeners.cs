using EstProv.LocalApi.Interop;
using EstProv.Platform;

namespace EstProv.LocalApi.Server;

/// <summary>The sockets that a server listens on: inherited from systemd, else one that it binds itself, and the aliases of either.</summary>
internal sealed class Listeners
{
    private readonly List<BoundSocket> _bound = [];
    private readonly List<int> _inherited = [];

    private Listeners(LocalServerOptions options)
    {
        if (SocketHandover.Take(options.SocketPath, options.Handover) is { } handover)
        {
            Connections = handover.Connections;
            foreach (var descriptor in handover.Listeners) Adopt(descriptor, handover.IsOwn, options);
        }
        else
        {
            _inherited.AddRange(options.Descriptors ?? SocketActivation.Take(options.InheritedSocketName));
            if (_inherited.Count == 0) _bound.Add(new BoundSocket(options.SocketPath, options.Group));
        }

        IsOwn = _bound.Exists(socket => socket.Path == options.SocketPath);
        foreach (var path in options.AliasPaths) AddAlias(path, options.Group);
        Descriptors = [.. _inherited, .. _bound.ConvertAll(static socket => socket.Descriptor)];
        foreach (var descriptor in Descriptors)
        {
            UnixSocket.SetCloseOnExec(descriptor);
            UnixSocket.SetNonBlocking(descriptor);
            // Clients check who listens (SO_PEERCRED): listening again puts this process in systemd's place.
            _ = Libc.Listen(descriptor, BoundSocket.Backlog);
        }
    }

    public int[] Descriptors { get; }

    /// <summary>Connections that the earlier program of this process has left.</summary>
    public int[] Connections { get; } = [];

    /// <summary>This process has bound the socket itself, aliases apart.</summary>
    public bool IsOwn { get; }

    /// <summary>Those that this process has made.</summary>
    public IReadOnlyList<BoundSocket> Bound => _bound;

    /// <summary>Why aliases could not be bound: the server serves on without them.</summary>
    public List<ProblemException> Failures { get; } = [];

    /// <exception cref="ProblemException"><c>socket_in_use</c>, <c>socket_path</c>, <c>socket_bind</c> of <see cref="LocalServerOptions.SocketPath"/>.</exception>
    public static Listeners Open(LocalServerOptions options) => new(options);

    /// <summary>Stops listening, and removes the sockets' files where this process made them and nobody has replaced them.</summary>
    public void Close()
    {
        foreach (var descriptor in _inherited) _ = Libc.Close(descriptor);
        foreach (var socket in _bound) socket.Close();
    }

    /// <summary>A listener of the earlier program: the files of those that it made itself are ours to remove.</summary>
    private void Adopt(int descriptor, bool isOwn, LocalServerOptions options)
    {
        var address = UnixSocket.PathOf(descriptor);
        foreach (var path in options.AliasPaths)
        {
            if (path == options.SocketPath || !BoundSocket.WasMadeFor(path, address)) continue;
            _bound.Add(new BoundSocket(path, descriptor));
            return;
        }

        if (isOwn && (address == options.SocketPath || BoundSocket.WasMadeFor(options.SocketPath, address))) _bound.Add(new BoundSocket(options.SocketPath, descriptor));
        else _inherited.Add(descriptor);
    }

    private void AddAlias(string path, string group)
    {
        if (_bound.Exists(socket => socket.Path == path) || _inherited.Exists(descriptor => UnixSocket.PathOf(descriptor) == path)) return;
        try
        {
            _bound.Add(new BoundSocket(path, group));
        }
        catch (ProblemException problem)
        {
            Failures.Add(problem);
        }
    }
}
