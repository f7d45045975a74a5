using System.Diagnostics;
using System.Runtime.InteropServices;
using EstProv.LocalApi.Interop;
using EstProv.Platform;

namespace EstProv.LocalApi.Client;

/// <summary>
/// Talks to another daemon's local server. Thread-safe; keeps a few connections open. It trusts a server only that runs as the daemon's
/// user, or as this process's own.
/// </summary>
public sealed class LocalClient : IDisposable
{
    private const int MostKept = 4, ActivationPause = 20;
    private readonly string _socketPath;
    private readonly string _serverUser;
    private readonly TimeSpan _timeout;
    private readonly ClientProblems _problems;
    private readonly Stack<ClientConnection> _kept = [];
    // -1 while not looked up; a uint? could be read half-written.
    private long _serverUid = -1;
    private bool _disposed;

    /// <param name="socketPath">Such as <c>/run/estprov/keyd.sock</c>; the file's name makes the error codes, such as <c>keyd_unreachable</c>.</param>
    /// <param name="serverUser">Whom the server must run as, such as <c>estprov-keyd</c>; where there is no such user, only the own one will do.</param>
    /// <param name="serviceName">For messages, such as <c>Key Service</c>.</param>
    /// <param name="timeout">For connecting and for an exchange, each.</param>
    public LocalClient(string socketPath, string serverUser, string serviceName, TimeSpan timeout)
    {
        _socketPath = socketPath;
        _serverUser = serverUser;
        _timeout = timeout;
        _problems = new ClientProblems(socketPath, serviceName);
    }

    internal uint OwnUid { get; init; } = Users.Self;

    /// <summary>
    /// Sends a request and waits for its answer. A kept connection that turns out to have been closed before it answered anything is replaced
    /// by a new one, once.
    /// </summary>
    /// <param name="pathAndQuery">Percent-encoded.</param>
    /// <param name="timeout">In place of the client's own, such as for a long poll.</param>
    /// <param name="secret">The answer has a key in it: of it only the reply's own copy stays, which is the caller's to zero.</param>
    /// <exception cref="ProblemException">
    /// <c>keyd_unreachable</c> (by the socket's name): no socket, refused, no right, timed out, or broken off; <c>keyd_wrong_user</c>:
    /// somebody else listens there; <c>keyd_bad_answer</c>: what came is not HTTP; for an answer from 400 on the daemon's own problem.
    /// </exception>
    public LocalReply Send(string method, string pathAndQuery, ReadOnlySpan<byte> body = default, string? contentType = null, string? accept = null, TimeSpan? timeout = null,
        bool secret = false)
    {
        if (pathAndQuery.Length == 0 || pathAndQuery[0] != '/' || pathAndQuery.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new ArgumentException("a percent-encoded path is needed", nameof(pathAndQuery));
        }

        var limit = timeout ?? _timeout;
        var kept = TakeKept();
        var connection = kept ?? Connect(limit);
        var result = connection.Exchange(method, pathAndQuery, body, contentType, accept, limit);
        if (kept is not null && result.Untouched && result.Error is Errno.BrokenPipe or Errno.ConnectionReset)
        {
            connection.Dispose();
            connection = Connect(limit);
            result = connection.Exchange(method, pathAndQuery, body, contentType, accept, limit);
        }

        if (secret) connection.Wipe();
        Keep(connection);
        if (result.Reply is not { } reply)
        {
            throw result.Wrong is { } wrong ? _problems.BadAnswer(method, pathAndQuery, wrong) : _problems.Unreachable(result.Error, limit);
        }

        return reply.Status < 400 ? reply : throw _problems.Refused(method, pathAndQuery, reply);
    }

    /// <summary>Closes the connections that are kept; those in use close when they come back.</summary>
    public void Dispose()
    {
        lock (_kept)
        {
            _disposed = true;
            while (_kept.TryPop(out var connection)) connection.Dispose();
        }
    }

    private ClientConnection? TakeKept()
    {
        lock (_kept) return _kept.TryPop(out var connection) ? connection : null;
    }

    private void Keep(ClientConnection connection)
    {
        lock (_kept)
        {
            if (connection.IsReusable && !_disposed && _kept.Count < MostKept)
            {
                _kept.Push(connection);
                return;
            }
        }

        connection.Dispose();
    }

    private ClientConnection Connect(TimeSpan limit)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            var descriptor = UnixSocket.Create(UnixSocket.StreamType);
            if (descriptor < 0) throw _problems.Unreachable(Marshal.GetLastPInvokeError(), limit);
            UnixSocket.SetTimeouts(descriptor, limit, limit);
            var error = UnixSocket.Connect(descriptor, _socketPath);
            var uid = error == 0 ? UnixSocket.Peer(descriptor).Uid : 0;
            if (error == 0 && IsTrusted(uid)) return new ClientConnection(descriptor);
            _ = Libc.Close(descriptor);
            if (error != 0) throw _problems.Unreachable(error, limit);
            // Until the daemon runs, systemd (uid 0) is who listens; our having connected starts it.
            if (uid != 0 || Stopwatch.GetElapsedTime(begun) >= limit) throw _problems.WrongUser(uid, _serverUser);
            UnixSocket.Pause(ActivationPause);
        }
    }

    private bool IsTrusted(uint uid)
    {
        if (uid == OwnUid) return true;
        if (Volatile.Read(ref _serverUid) < 0 && Users.FindUser(_serverUser) is { } found) Volatile.Write(ref _serverUid, found);
        return Volatile.Read(ref _serverUid) == uid;
    }
}
