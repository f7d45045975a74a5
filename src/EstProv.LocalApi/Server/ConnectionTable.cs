using EstProv.LocalApi.Interop;

namespace EstProv.LocalApi.Server;

/// <summary>
/// All connections: who has them, and which are parked. Descriptors are closed here only, under the lock, so that nobody writes into
/// one that was given out again.
/// </summary>
internal sealed class ConnectionTable(LocalServerOptions options, EventPoll poll)
{
    private readonly Lock _gate = new();
    private readonly List<Caller> _callers = [];
    private Connection?[] _byDescriptor = new Connection?[64];
    private Connection? _oldestParked;
    private Connection? _newestParked;
    private uint _serial;
    private int _count;
    private int _parked;
    private bool _stopped;
    private bool _frozen;

    /// <summary>Connections that a worker has.</summary>
    public int Active
    {
        get
        {
            lock (_gate) return _count - _parked;
        }
    }

    public int Count
    {
        get
        {
            lock (_gate) return _count;
        }
    }

    /// <summary>
    /// Takes a new connection in, parked. Where its uid, or all together, have too many, the one that has been idle longest is closed for
    /// it; null when none is idle.
    /// </summary>
    public Connection? Admit(int descriptor, PeerCredentials peer)
    {
        lock (_gate)
        {
            if (_stopped) return null;
            var caller = FindCaller(peer.Uid);
            if (caller.Connections >= options.MaxConnectionsPerUid && !CloseOldest(caller)) return null;
            if (_count >= options.MaxConnections && !CloseOldest(Busiest())) return null;
            if (caller.Connections++ == 0) _callers.Add(caller);
            _count++;
            // The highest serial number would look like a listener's token.
            if (++_serial == uint.MaxValue) _serial = 1;
            var connection = new Connection(descriptor, _serial, peer, caller);
            if (descriptor >= _byDescriptor.Length) Array.Resize(ref _byDescriptor, Math.Max(descriptor + 1, _byDescriptor.Length * 2));
            _byDescriptor[descriptor] = connection;
            AddParked(connection);
            poll.Watch(descriptor, connection.Token);
            return connection;
        }
    }

    /// <summary>Closes an idle connection to win a descriptor; false when there is none.</summary>
    public bool CloseAnyIdle()
    {
        lock (_gate)
        {
            if (_oldestParked is null) return false;
            CloseLocked(_oldestParked);
            return true;
        }
    }

    /// <summary>
    /// The connection of an event, owned by the caller from now on; null when the event is out of date. Where a handler waits on it, the
    /// event says that its client has gone.
    /// </summary>
    public Connection? Take(ulong token)
    {
        CancellationTokenSource? gone;
        lock (_gate)
        {
            var connection = Find(token);
            if (connection is null) return null;
            if (connection.State == Connection.Parked)
            {
                RemoveParked(connection);
                connection.State = Connection.Owned;
                return connection;
            }

            gone = connection.Gone;
        }

        gone?.Cancel();
        return null;
    }

    /// <summary>Gives a connection back until something comes; after <see cref="Stop"/> it is closed instead.</summary>
    public void Park(Connection connection)
    {
        lock (_gate)
        {
            if (_stopped)
            {
                CloseLocked(connection);
                return;
            }

            AddParked(connection);
            if (!_frozen) poll.Arm(connection.Descriptor, connection.Token);
        }
    }

    /// <summary>From now on what is parked stays parked; cancels all that wait.</summary>
    public void Freeze()
    {
        List<CancellationTokenSource> waiting;
        lock (_gate)
        {
            _frozen = true;
            waiting = Waiting();
        }

        foreach (var gone in waiting) gone.Cancel();
    }

    /// <summary>The descriptors of all that are parked.</summary>
    public int[] Parked()
    {
        List<int> descriptors = [];
        lock (_gate)
        {
            for (var connection = _oldestParked; connection is not null; connection = connection.Later) descriptors.Add(connection.Descriptor);
        }

        return [.. descriptors];
    }

    /// <summary>How many have had their answers while their handlers still run.</summary>
    public int Expired
    {
        get
        {
            var count = 0;
            lock (_gate)
            {
                foreach (var connection in _byDescriptor)
                {
                    if (connection is not null && Volatile.Read(ref connection.State) == Connection.Expired) count++;
                }
            }

            return count;
        }
    }

    /// <summary>From now on <paramref name="gone"/> is cancelled when the client closes.</summary>
    public void WatchForLeaving(Connection connection, CancellationTokenSource? gone)
    {
        lock (_gate)
        {
            connection.Gone = gone;
            if (gone is not null) poll.ArmForHangUp(connection.Descriptor, connection.Token);
        }
    }

    /// <summary>Closes a connection that the caller owns.</summary>
    public void Close(Connection connection)
    {
        lock (_gate) CloseLocked(connection);
    }

    /// <summary>Closes all that are parked and cancels all that wait.</summary>
    public void Stop()
    {
        List<CancellationTokenSource> waiting;
        lock (_gate)
        {
            _stopped = true;
            while (_oldestParked is not null) CloseLocked(_oldestParked);
            waiting = Waiting();
        }

        foreach (var gone in waiting) gone.Cancel();
    }

    /// <summary>
    /// Answers, in place of their handlers, the requests that began more than the deadline ago. The handler's own answer will find no
    /// taker; its thread and its place among the requests in progress stay taken until it returns.
    /// </summary>
    /// <param name="time">The clock of the deadlines.</param>
    /// <param name="answer">What a route's client gets.</param>
    /// <param name="all">Whatever their deadline is.</param>
    /// <returns>Those that were answered; null when none was.</returns>
    public List<Connection>? Expire(TimeProvider time, Func<Route, byte[]> answer, bool all = false)
    {
        List<Connection>? expired = null;
        lock (_gate)
        {
            foreach (var connection in _byDescriptor)
            {
                if (connection is null || Volatile.Read(ref connection.State) != Connection.Handling || connection.Route is not { Waits: false } route) continue;
                if (!all && time.GetElapsedTime(connection.HandlingSince) < route.Deadline) continue;
                if (Interlocked.CompareExchange(ref connection.State, Connection.Expired, Connection.Handling) != Connection.Handling) continue;
                _ = UnixSocket.Send(connection.Descriptor, answer(route), wait: false);
                _ = Libc.Shutdown(connection.Descriptor, 2);
                (expired ??= []).Add(connection);
            }
        }

        return expired;
    }

    private List<CancellationTokenSource> Waiting()
    {
        List<CancellationTokenSource> waiting = [];
        foreach (var connection in _byDescriptor)
        {
            if (connection?.Gone is { } gone) waiting.Add(gone);
        }

        return waiting;
    }

    private Connection? Find(ulong token)
    {
        var descriptor = (uint)token;
        var connection = descriptor < _byDescriptor.Length ? _byDescriptor[descriptor] : null;
        return connection?.Token == token ? connection : null;
    }

    private Caller FindCaller(uint uid)
    {
        foreach (var caller in _callers)
        {
            if (caller.Uid == uid) return caller;
        }

        return new Caller(uid);
    }

    private Caller? Busiest()
    {
        Caller? busiest = null;
        foreach (var caller in _callers)
        {
            if (busiest is null || caller.Connections > busiest.Connections) busiest = caller;
        }

        return busiest;
    }

    private bool CloseOldest(Caller? caller)
    {
        for (var connection = _oldestParked; connection is not null; connection = connection.Later)
        {
            if (connection.Caller != caller) continue;
            CloseLocked(connection);
            return true;
        }

        return false;
    }

    private void CloseLocked(Connection connection)
    {
        if (_byDescriptor[connection.Descriptor] != connection) return;
        if (connection.State == Connection.Parked) RemoveParked(connection);
        connection.State = Connection.Expired;
        _byDescriptor[connection.Descriptor] = null;
        _count--;
        if (--connection.Caller.Connections == 0) _callers.Remove(connection.Caller);
        _ = Libc.Close(connection.Descriptor);
    }

    private void AddParked(Connection connection)
    {
        connection.State = Connection.Parked;
        connection.Earlier = _newestParked;
        connection.Later = null;
        if (_newestParked is null) _oldestParked = connection;
        else _newestParked.Later = connection;
        _newestParked = connection;
        _parked++;
    }

    private void RemoveParked(Connection connection)
    {
        if (connection.Earlier is null) _oldestParked = connection.Later;
        else connection.Earlier.Later = connection.Later;
        if (connection.Later is null) _newestParked = connection.Earlier;
        else connection.Later.Earlier = connection.Earlier;
        connection.Earlier = connection.Later = null;
        _parked--;
    }
}
