namespace EstProv.LocalApi.Server;

/// <summary>A client's connection. While it is idle nothing else is kept for it: buffers belong to the workers.</summary>
internal sealed class Connection(int descriptor, uint serial, PeerCredentials peer, Caller caller)
{
    /// <summary>No worker has it; an event will bring it to one.</summary>
    public const int Parked = 0;

    /// <summary>A worker reads or writes.</summary>
    public const int Owned = 1;

    /// <summary>A worker runs its handler, and the right to answer goes to whoever changes this state.</summary>
    public const int Handling = 2;

    /// <summary>The handler took too long and the client has had its answer.</summary>
    public const int Expired = 3;

    private long _deferredSince = long.MinValue;

    /// <summary>One of the above; leaves <see cref="Handling"/> by compare-and-swap only.</summary>
    public int State = Owned;

    public int Descriptor { get; } = descriptor;

    public PeerCredentials Peer { get; } = peer;

    public Caller Caller { get; } = caller;

    /// <summary>What the poll reports: the descriptor, and a serial number, since descriptors are used again.</summary>
    public ulong Token { get; } = (ulong)serial << 32 | (uint)descriptor;

    /// <summary>When the handler began, and which; valid while <see cref="Handling"/>.</summary>
    public long HandlingSince { get; set; }

    public Route? Route { get; set; }

    /// <summary>Whether its request has waited for a thread less than this long, in milliseconds.</summary>
    public bool MayBeDeferred(int patience)
    {
        var now = Environment.TickCount64;
        if (_deferredSince == long.MinValue) _deferredSince = now;
        return now - _deferredSince < patience;
    }

    /// <summary>A thread has it.</summary>
    public void EndDeferral() => _deferredSince = long.MinValue;

    /// <summary>Set while a handler waits by design; guarded by the table.</summary>
    public CancellationTokenSource? Gone { get; set; }

    /// <summary>Neighbours among the parked connections, in the order of parking; guarded by the table.</summary>
    public Connection? Earlier { get; set; }

    public Connection? Later { get; set; }
}
