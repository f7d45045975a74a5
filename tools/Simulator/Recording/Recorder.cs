using System.Globalization;
using EstProv.Simulator.Tls;

namespace EstProv.Simulator.Recording;

/// <summary>Counts and remembers what was asked, prints one line each, and lets callers wait for it.</summary>
public sealed class Recorder(Action<string>? log, SimulatorClock clock)
{
    private const int Kept = 10_000;
    private readonly Lock _lock = new();
    private readonly Queue<RequestRecord> _requests = new();
    private readonly Dictionary<string, int> _routes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _clients = new(StringComparer.Ordinal);
    private readonly Dictionary<SimulatorService, TlsCounts> _tls = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _last;

    /// <summary>Number of the newest request.</summary>
    public long Last
    {
        get
        {
            lock (_lock)
            {
                return _last;
            }
        }
    }

    /// <summary>Requests by <c>service route[/label] status</c>.</summary>
    public IReadOnlyDictionary<string, int> Routes
    {
        get
        {
            lock (_lock)
            {
                return new SortedDictionary<string, int>(_routes, StringComparer.Ordinal);
            }
        }
    }

    /// <summary>Requests by subject of the client certificate shown; <c>-</c> = none.</summary>
    public IReadOnlyDictionary<string, int> Clients
    {
        get
        {
            lock (_lock)
            {
                return new SortedDictionary<string, int>(_clients, StringComparer.Ordinal);
            }
        }
    }

    public TlsCounts Tls(SimulatorService service)
    {
        lock (_lock)
        {
            return _tls.GetValueOrDefault(service, new TlsCounts());
        }
    }

    /// <summary>The kept requests with a number above <paramref name="after"/>, oldest first.</summary>
    public IReadOnlyList<RequestRecord> Requests(long after = 0)
    {
        lock (_lock)
        {
            return [.. _requests.Where(r => r.Seq > after)];
        }
    }

    /// <summary>Waits until a request with a number above <paramref name="after"/> fulfils the condition; null = not in time.</summary>
    public async Task<RequestRecord?> WaitForAsync(Func<RequestRecord, bool> condition, TimeSpan atMost, long after = 0, CancellationToken cancellation = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(atMost);
        while (true)
        {
            Task change;
            lock (_lock)
            {
                change = _changed.Task;
                foreach (var request in _requests)
                {
                    if (request.Seq > after && condition(request))
                    {
                        return request;
                    }
                }
            }

            try
            {
                await change.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }

    /// <summary>Forgets the counts and requests, not their numbering.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _requests.Clear();
            _routes.Clear();
            _clients.Clear();
            _tls.Clear();
        }
    }

    public void Note(string line) => log?.Invoke(Stamp(clock.Now) + " " + line);

    internal void Add(RequestRecord request)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            request = request with { Seq = ++_last };
            _requests.Enqueue(request);
            if (_requests.Count > Kept)
            {
                _requests.Dequeue();
            }

            var label = request.Service == SimulatorService.Est && request.Label is not null ? "/" + request.Label : "";
            Count(_routes, string.Create(CultureInfo.InvariantCulture, $"{Name(request.Service)} {request.Route}{label} {request.Status}"));
            Count(_clients, request.Client ?? "-");
            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
        log?.Invoke(Line(request));
    }

    internal void HandshakeDone(ConnectionRecord connection)
    {
        lock (_lock)
        {
            var service = connection.Service ?? SimulatorService.Est;
            var counts = _tls.GetValueOrDefault(service, new TlsCounts());
            _tls[service] = connection.Resumed == true ? counts with { Resumed = counts.Resumed + 1 } : counts with { Full = counts.Full + 1 };
        }
    }

    internal void HandshakeFailed(ConnectionRecord connection)
    {
        lock (_lock)
        {
            var service = connection.Service ?? SimulatorService.Est;
            var counts = _tls.GetValueOrDefault(service, new TlsCounts());
            _tls[service] = counts with { Failed = counts.Failed + 1 };
        }

        Note($"{(connection.Service is { } known ? Name(known) : "?")} handshake failed client={Quoted(connection.Client?.Leaf.Subject)}");
    }

    internal static string Name(SimulatorService service) => service switch
    {
        SimulatorService.Est => "est",
        SimulatorService.Dps => "dps",
        _ => "hub",
    };

    private static void Count(Dictionary<string, int> counts, string key) => counts[key] = counts.GetValueOrDefault(key) + 1;

    private static string Line(RequestRecord r)
    {
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"{Stamp(r.Time)} {Name(r.Service)} {r.Method} {r.Path} {r.Status} {r.Milliseconds:0.0}ms client={Quoted(r.Client)}");
        return line + Part("by", r.Credential) + Part("result", r.Note) + Part("fault", r.Fault);
    }

    private static string Part(string name, string? value) => value is null ? "" : $" {name}={Quoted(value)}";

    private static string Quoted(string? value) => value is null ? "-" : "\"" + value.Replace("\"", "'", StringComparison.Ordinal) + "\"";

    private static string Stamp(DateTimeOffset time) => time.UtcDateTime.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
