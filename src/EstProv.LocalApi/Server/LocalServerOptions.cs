namespace EstProv.LocalApi.Server;

/// <summary>Where a local server listens, and its limits. All sizes are bytes.</summary>
public sealed record LocalServerOptions
{
    /// <summary>The socket to bind, of at most 107 bytes; made with mode 0660.</summary>
    public required string SocketPath { get; init; }

    /// <summary>
    /// Further sockets, for clients that have another path compiled in: the same routes, limits and rights. One that cannot be bound is logged and left out; one
    /// that was inherited is not bound again.
    /// </summary>
    public IReadOnlyList<string> AliasPaths { get; init; } = [];

    /// <summary>The group that gets the sockets, where it exists on the machine.</summary>
    public string Group { get; init; } = "estprov";

    /// <summary>
    /// Which of the sockets inherited from systemd to take (FileDescriptorName= of the socket unit); null takes all of them. With none
    /// inherited, <see cref="SocketPath"/> is bound.
    /// </summary>
    public string? InheritedSocketName { get; init; }

    /// <summary>What <c>GET /version</c> answers, as <c>{"version"}</c>; empty: there is no such route.</summary>
    public string Version { get; init; } = "";

    /// <summary>Listening descriptors to take, in place of systemd's.</summary>
    internal int[]? Descriptors { get; init; }

    /// <summary>What <see cref="SocketHandover.Variable"/> would hold, in its place.</summary>
    internal string? Handover { get; init; }

    /// <summary><c>max_requests</c>: requests in progress for each uid, those that wait by design not counted; more are answered 503.</summary>
    public int MaxRequestsPerUid { get; init; } = 10;

    /// <summary>Requests that wait by design (long polls) for each uid; more are answered 503.</summary>
    public int MaxWaitingPerUid { get; init; } = 32;

    /// <summary>Connections of one uid; one more closes the one that has been idle longest. At least 64.</summary>
    public int MaxConnectionsPerUid
    {
        get => field > 0 ? field : Math.Max(64, MaxRequestsPerUid + MaxWaitingPerUid + 16);
        init;
    }

    /// <summary>Connections of all uids together; one more closes the one of the busiest uid that has been idle longest.</summary>
    public int MaxConnections { get; init; } = 512;

    /// <summary>Worker threads at most. Half of them at most wait by design.</summary>
    public int MaxThreads
    {
        get => field > 0 ? field : Math.Max(128, 2 * MaxRequestsPerUid);
        init;
    }

    /// <summary>How long a worker thread without work is kept.</summary>
    public TimeSpan IdleThread { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long reading a request may take from its first byte, handling it (except where it waits by design), and sending its answer.</summary>
    public TimeSpan RequestDeadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long <see cref="LocalServer.Stop"/> waits for requests in progress.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long <see cref="LocalServer.HandOver"/> waits for requests in progress; those in the queue wait as long.</summary>
    public TimeSpan HandOverTime { get; init; } = TimeSpan.FromSeconds(1);

    public int MaxTargetBytes { get; init; } = 4096;

    /// <summary>Request line and headers together.</summary>
    public int MaxHeadBytes { get; init; } = 16 * 1024;

    public int MaxHeaders { get; init; } = 64;

    public int MaxBodyBytes { get; init; } = 64 * 1024;

    /// <summary>Called on a thread of the server after handlers have exceeded their deadline; must not block.</summary>
    public Action? Expired { get; init; }

    /// <summary>Where systemd's watchdog is told that the server's threads still turn; null tells nobody.</summary>
    public SystemdNotify? Watchdog { get; init; }
}
