using System.Text;
using EstProv.LocalApi.Interop;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.LocalApi.Server;

/// <summary>
/// HTTP/1.1 on Unix sockets, on blocking threads (RFC 9112; bodies by Content-Length only).
/// </summary>
/// <remarks>
/// All threads share one epoll: one waits there for all idle connections and listeners, and whoever takes an event away makes sure that
/// somebody else waits. The thread stays with its connection as long as requests come without a pause. Threads end when they have had
/// nothing to do for a while.
/// </remarks>
public sealed partial class LocalServer : IDisposable
{
    /// <summary>How long a thread waits for the next request before it parks the connection; also the grain of the deadlines.</summary>
    internal static readonly TimeSpan HotTime = TimeSpan.FromMilliseconds(20);

    // Only touched pages count; PKCS#11 modules of vendors are given the room that they may expect.
    private const int StackBytes = 512 * 1024;
    private const int ScanMilliseconds = 250;

    // How long a request waits for a thread before it is refused.
    private const int Patience = 100;

    // Of one uid, beyond its requests in progress: those that read a request, answer one, or refuse.
    private const int SpareWorkers = 8;

    private readonly EventPoll _poll;
    private readonly RouteTable _routes = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _startStop = new();
    private readonly object _threadsGate = new();
    private Acceptor? _acceptor;
    private volatile bool _stopped;
    private volatile bool _handingOver;
    private int _threads;
    private int _waitingThreads;
    private long _lastScan;
    private long _lastKeepAlive;
    private long _requests;
    private long _refused;

    public LocalServer(LocalServerOptions options, ILogger logger, TimeProvider time)
    {
        _poll = new EventPoll(options.SocketPath);
        Options = options;
        Logger = logger;
        Time = time;
        Connections = new ConnectionTable(options, _poll);
        Throttle = new Throttle(options, logger);
        Refusals = new Refusals(options, _routes);
        if (options.Version.Length > 0) Map("GET", "/version", [], GetVersion);
    }

    internal LocalServerOptions Options { get; }

    internal ILogger Logger { get; }

    internal TimeProvider Time { get; }

    internal ConnectionTable Connections { get; }

    internal RouteTable Routes => _routes;

    internal Refusals Refusals { get; }

    internal CancellationToken Stopping => _stopping.Token;

    internal Throttle Throttle { get; }

    internal int ThreadCount => Volatile.Read(ref _threads);

    /// <summary>Adds a route; only before <see cref="Start"/>.</summary>
    /// <param name="method">In capitals.</param>
    /// <param name="pattern">Such as <c>/keypair/{id}</c>; a parameter is one whole segment.</param>
    /// <param name="apiVersions">The api-versions in which it exists; empty where it takes none.</param>
    public void Map(string method, string pattern, string[] apiVersions, RouteHandler handler, RouteOptions? options = null)
        => _routes.Add(new Route(method, pattern, apiVersions, handler, options ?? new RouteOptions(), Options.RequestDeadline));

    private void GetVersion(LocalRequest request, LocalResponse response)
    {
        var json = response.Json();
        json.WriteStartObject();
        json.WriteString("version"u8, Options.Version);
        json.WriteEndObject();
    }

    /// <summary>
    /// Adds <c>GET /metrics</c>, the one route that is open without an api-version to everyone of the socket's group: what this server
    /// counts, and what the
    /// daemon has to say besides.
    /// </summary>
    public void MapMetrics(Action<MetricsText> more)
    {
        var begun = Time.GetTimestamp();
        Map("GET", "/metrics", [], (_, response) =>
        {
            var metrics = new MetricsText();
            metrics.Begin("estprov_build_info", "gauge").Of("version", Options.Version, 1)
                .Gauge("estprov_uptime_seconds", Math.Round(Time.GetElapsedTime(begun).TotalSeconds, 3))
                .Counter("estprov_requests_total", Interlocked.Read(ref _requests))
                .Counter("estprov_requests_refused_total", Interlocked.Read(ref _refused))
                .Gauge("estprov_requests_in_progress", Connections.Active)
                .Gauge("estprov_requests_waiting", Throttle.Waiting)
                .Gauge("estprov_connections", Connections.Count);
            more(metrics);
            response.Bytes(Encoding.UTF8.GetBytes(metrics.ToString()), MetricsText.ContentType);
        });
    }

    /// <summary>A request has been read; it is answered by its route, or was refused before.</summary>
    internal void Count(bool refused)
    {
        Interlocked.Increment(ref _requests);
        if (refused) Interlocked.Increment(ref _refused);
    }

    /// <summary>Takes the inherited sockets, or binds the own one, and serves on background threads.</summary>
    /// <exception cref="ProblemException"><c>socket_in_use</c>, <c>socket_path</c>, <c>socket_bind</c>.</exception>
    public void Start()
    {
        lock (_startStop)
        {
            ObjectDisposedException.ThrowIf(_stopped, this);
            if (_acceptor is not null) throw new InvalidOperationException("the server runs already");
            _acceptor = new Acceptor(Options, _poll, Connections, Refusals, Logger);
            if (!TryAddThread()) throw new ProblemException("no_thread", $"no thread could be started to serve {Options.SocketPath}", "raise TasksMax= or the memory limit of the unit");
        }
    }

    /// <summary>Stops accepting, cuts idle and waiting connections, lets requests in progress finish for a bounded time, and removes its own socket.</summary>
    public void Stop()
    {
        lock (_startStop)
        {
            if (_stopped) return;
            _stopped = true;
            _stopping.Cancel();
            _poll.WakeForEver();
            Connections.Stop();
            var drained = WaitForThreads();
            _acceptor?.Close();
            // A handler that hangs still uses the poll; the process is about to end anyway.
            if (drained) _poll.Dispose();
            else Log.NotDrained(Logger, Options.SocketPath, ThreadCount);
        }
    }

    /// <summary>
    /// Stops serving, but keeps the sockets for the program that takes this one's place in the process: whoever waits in a queue or keeps a
    /// connection notices nothing. Requests in progress may finish for a moment; the rest, which hangs, is answered 503.
    /// </summary>
    /// <exception cref="InvalidOperationException">It does not run.</exception>
    public SocketHandover HandOver()
    {
        lock (_startStop)
        {
            if (_stopped || _acceptor is null) throw new InvalidOperationException("the server does not run");
            (_handingOver, _stopped) = (true, true);
            Connections.Freeze();
            _poll.WakeForEver();
            var until = Environment.TickCount64 + (long)Options.HandOverTime.TotalMilliseconds;
            lock (_threadsGate)
            {
                // The threads of those that hang never end, but they have had their answers.
                while (_threads > Connections.Expired && Environment.TickCount64 < until) Monitor.Wait(_threadsGate, 10);
            }

            Connections.Expire(Time, _ => Answer(Refusals.Describe(Refusal.Stopping)), all: true);
            return _acceptor.HandOver(Connections.Parked());
        }
    }

    public void Dispose() => Stop();

    internal bool IsHandingOver => _handingOver;

    private static byte[] Answer((int Status, string Code, string Message, string Hint) refusal)
    {
        var response = new LocalResponse();
        response.Problem(refusal);
        return response.Finish(close: true, bodyWanted: true).ToArray();
    }

    /// <summary>Whether a thread may stay with its connection: not when all threads are taken and others' events have no one, nor when its uid has many.</summary>
    internal bool MayLinger(Caller caller) => !_stopped && Volatile.Read(ref caller.Workers) <= Options.MaxRequestsPerUid && (Volatile.Read(ref _waitingThreads) > 0 || Volatile.Read(ref _threads) < Options.MaxThreads);

    private void Run()
    {
        var worker = new Worker(this);
        var idleSince = Environment.TickCount64;
        while (true)
        {
            Interlocked.Increment(ref _waitingThreads);
            var happened = _poll.Wait(WaitMilliseconds(), out var token, out var hungUp);
            var othersWait = Interlocked.Decrement(ref _waitingThreads) > 0;
            if (_stopped) break;
            if (!happened && othersWait && Environment.TickCount64 - idleSince >= Options.IdleThread.TotalMilliseconds) break;
            try
            {
                Tend();
                if (happened && Handle(worker, token, hungUp, othersWait)) idleSince = Environment.TickCount64;
            }
            catch (Exception cause)
            {
                Log.Failed(Logger, Options.SocketPath, cause.GetType().ToString(), cause.StackTrace?.ReplaceLineEndings(" ") ?? "");
            }
        }

        lock (_threadsGate)
        {
            _threads--;
            Monitor.PulseAll(_threadsGate);
        }
    }

    /// <summary>True when the event was a connection's.</summary>
    private bool Handle(Worker worker, ulong token, bool hungUp, bool othersWait)
    {
        if (token >= Acceptor.FirstToken)
        {
            if (token != EventPoll.WakeToken) _acceptor!.Accept(token);
            return false;
        }

        var connection = Connections.Take(token);
        if (connection is null) return false;
        if (hungUp)
        {
            // Given up, such as in the socket's queue while the daemon started: what nobody waits for must not take the place of what is asked anew.
            Connections.Close(connection);
            return true;
        }

        var caller = connection.Caller;
        try
        {
            // More than its requests in progress can be busy with: it sends without a pause, or does not read its answers. Others need the threads.
            var greedy = Interlocked.Increment(ref caller.Workers) > Options.MaxRequestsPerUid + SpareWorkers;
            // The last thread takes no request that could hold it: it must stay to accept, to watch deadlines and to refuse. Others may be back in a moment.
            var last = !othersWait && !TryAddThread();
            if (_handingOver) Connections.Park(connection);
            else if (last && !greedy && connection.MayBeDeferred(Patience)) Defer(connection);
            else worker.Serve(connection, refuseAll: last || greedy);
        }
        catch
        {
            Connections.Close(connection);
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref caller.Workers);
        }

        return true;
    }

    private void Defer(Connection connection)
    {
        UnixSocket.Pause(1);
        Connections.Park(connection);
    }

    private bool TryAddThread()
    {
        lock (_threadsGate)
        {
            if (_threads >= Options.MaxThreads || _stopped) return false;
            try
            {
                var thread = new Thread(Run, StackBytes) { IsBackground = true, Name = "local-api" };
                _threads++;
                thread.Start();
                return true;
            }
            catch (Exception cause) when (cause is ThreadStartException or OutOfMemoryException)
            {
                _threads--;
                return false;
            }
        }
    }

    private bool WaitForThreads()
    {
        var until = Environment.TickCount64 + (long)Options.DrainTime.TotalMilliseconds;
        lock (_threadsGate)
        {
            while (_threads > 0)
            {
                var left = until - Environment.TickCount64;
                if (left <= 0) return false;
                Monitor.Wait(_threadsGate, (int)left);
            }
        }

        return true;
    }

    /// <summary>A sole thread with nothing in progress sleeps for ever, so that an idle daemon never wakes.</summary>
    private int WaitMilliseconds()
    {
        if (ThreadCount > 1 || _acceptor!.IsPaused || Connections.Active > 0) return ScanMilliseconds;
        return Options.Watchdog?.WatchdogInterval is { } interval ? (int)Math.Max(1, interval.TotalMilliseconds / 2) : -1;
    }

    /// <summary>What is due from time to time, by whichever thread comes along.</summary>
    private void Tend()
    {
        var now = Environment.TickCount64;
        var last = Volatile.Read(ref _lastScan);
        if (now - last >= ScanMilliseconds && Interlocked.CompareExchange(ref _lastScan, now, last) == last)
        {
            var late = Connections.Expire(Time, route => Answer(Refusals.TooSlow(route)));
            foreach (var expired in late ?? []) Log.TooSlow(Logger, expired.Route!.Name, expired.Peer.Uid, expired.Route.Deadline.TotalSeconds);
            if (late is not null) Options.Expired?.Invoke();

            if (_acceptor!.IsPaused) _acceptor.Resume();
        }

        if (Options.Watchdog?.WatchdogInterval is not { } interval) return;
        last = Volatile.Read(ref _lastKeepAlive);
        if (now - last >= interval.TotalMilliseconds / 2 && Interlocked.CompareExchange(ref _lastKeepAlive, now, last) == last) Options.Watchdog.KeepAlive();
    }

    private static partial class Log
    {
        [LoggerMessage(104, LogLevel.Warning, "{Route} for uid {Uid} takes longer than {Seconds} s; its client got 504 (code=deadline)")]
        public static partial void TooSlow(ILogger logger, string route, object uid, object seconds);

        [LoggerMessage(105, LogLevel.Error, "serving {Socket} failed unexpectedly: {Type} {Trace} (code=internal)")]
        public static partial void Failed(ILogger logger, string socket, string type, string trace);

        [LoggerMessage(106, LogLevel.Warning, "{Socket} stops although {Threads} threads are still busy")]
        public static partial void NotDrained(ILogger logger, string socket, object threads);
    }
}
