using System.Runtime.InteropServices;
using EstProv.LocalApi.Interop;
using Microsoft.Extensions.Logging;

namespace EstProv.LocalApi.Server;

/// <summary>Takes new connections from the listeners into the table.</summary>
internal sealed partial class Acceptor
{
    /// <summary>Tokens from here on, but the very last, are listeners'; below are connections'.</summary>
    public const ulong FirstToken = 0xFFFF_FFFF_0000_0000;

    private const int MostAtOnce = 64;
    private readonly LocalServerOptions _options;
    private readonly EventPoll _poll;
    private readonly ConnectionTable _connections;
    private readonly Refusals _refusals;
    private readonly ILogger _logger;
    private readonly Listeners _listeners;
    private volatile bool _paused;

    /// <exception cref="Platform.ProblemException">See <see cref="Listeners.Open"/>.</exception>
    public Acceptor(LocalServerOptions options, EventPoll poll, ConnectionTable connections, Refusals refusals, ILogger logger)
    {
        _options = options;
        _poll = poll;
        _connections = connections;
        _refusals = refusals;
        _logger = logger;
        _listeners = Listeners.Open(options);
        foreach (var socket in _listeners.Bound)
        {
            if (socket.GroupRefused) Log.GroupRefused(logger, socket.Path, options.Group);
        }

        foreach (var problem in _listeners.Failures) Log.NoAlias(logger, problem.ToLogText());
        foreach (var descriptor in _listeners.Connections)
        {
            UnixSocket.SetCloseOnExec(descriptor);
            Admit(descriptor);
        }

        for (var i = 0; i < _listeners.Descriptors.Length; i++) poll.Watch(_listeners.Descriptors[i], FirstToken | (uint)i);
    }

    /// <summary>Whether it waits for descriptors; <see cref="Resume"/> has to be called from time to time then.</summary>
    public bool IsPaused => _paused;

    public void Accept(ulong token)
    {
        var index = (int)(uint)token;
        for (var i = 0; i < MostAtOnce; i++)
        {
            var descriptor = UnixSocket.Accept(_listeners.Descriptors[index]);
            if (descriptor >= 0)
            {
                Admit(descriptor);
                continue;
            }

            var error = Marshal.GetLastPInvokeError();
            if (error is Errno.TooManyFiles or Errno.TooManyFilesInSystem or Errno.NoBuffers)
            {
                if (_connections.CloseAnyIdle()) continue;
                Log.NoDescriptors(_logger, _options.SocketPath);
                _paused = true;
                return;
            }

            if (error is not (Errno.Interrupted or Errno.ConnectionAborted)) break;
        }

        _poll.Arm(_listeners.Descriptors[index], token);
    }

    public void Resume()
    {
        _paused = false;
        for (var i = 0; i < _listeners.Descriptors.Length; i++) _poll.Arm(_listeners.Descriptors[i], FirstToken | (uint)i);
    }

    public void Close() => _listeners.Close();

    public SocketHandover HandOver(int[] connections) => new(_options.SocketPath, _listeners.IsOwn, _listeners.Descriptors, connections);

    private void Admit(int descriptor)
    {
        UnixSocket.SetTimeouts(descriptor, LocalServer.HotTime, LocalServer.HotTime);
        if (_connections.Admit(descriptor, UnixSocket.Peer(descriptor)) is not null) return;
        var response = new LocalResponse();
        response.Problem(_refusals.Describe(Refusal.TooManyConnections));
        _ = UnixSocket.Send(descriptor, response.Finish(close: true, bodyWanted: true), wait: false);
        _ = Libc.Close(descriptor);
    }

    private static partial class Log
    {
        [LoggerMessage(101, LogLevel.Warning,
            "{Socket} cannot accept: no descriptors are left (code=too_many_files; hint: raise LimitNOFILE= of the unit)")]
        public static partial void NoDescriptors(ILogger logger, string socket);

        [LoggerMessage(102, LogLevel.Warning, "{Socket} could not be given to the group {Group}: its members cannot connect (code=socket_group; hint: add the daemon's user to the group, or use the .socket unit)")]
        public static partial void GroupRefused(ILogger logger, string socket, string group);

        [LoggerMessage(109, LogLevel.Error, "one of the alias_sockets is not served: {Problem}")]
        public static partial void NoAlias(ILogger logger, string problem);
    }
}
