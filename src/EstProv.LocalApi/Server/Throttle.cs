using Microsoft.Extensions.Logging;

namespace EstProv.LocalApi.Server;

/// <summary><c>max_requests</c>: how many requests of one uid may be in progress, and how many may wait by design.</summary>
internal sealed partial class Throttle(LocalServerOptions options, ILogger logger)
{
    private int _waiting;

    /// <summary>Requests of all uids that wait by design.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Counts a request in; false when its uid has too many, or when those that wait would take more than half of the threads.</summary>
    public bool TryEnter(Caller caller, bool waits)
    {
        bool entered;
        if (waits)
        {
            var withinOwn = Interlocked.Increment(ref caller.Waiting) <= options.MaxWaitingPerUid;
            entered = Interlocked.Increment(ref _waiting) <= options.MaxThreads / 2 && withinOwn;
        }
        else
        {
            entered = Interlocked.Increment(ref caller.InProgress) <= options.MaxRequestsPerUid;
        }

        if (entered) return true;
        Leave(caller, waits);
        if (caller.RefusalLogged) return false;
        caller.RefusalLogged = true;
        Log.TooMany(logger, caller.Uid, options.SocketPath, waits ? options.MaxWaitingPerUid : options.MaxRequestsPerUid);
        return false;
    }

    public void Leave(Caller caller, bool waits)
    {
        Interlocked.Decrement(ref waits ? ref caller.Waiting : ref caller.InProgress);
        if (waits) Interlocked.Decrement(ref _waiting);
    }

    private static partial class Log
    {
        [LoggerMessage(107, LogLevel.Warning, "uid {Uid} has more than {Limit} requests in progress at {Socket}; the rest is answered 503 (code=too_many_requests)")]
        public static partial void TooMany(ILogger logger, object uid, string socket, object limit);
    }
}
