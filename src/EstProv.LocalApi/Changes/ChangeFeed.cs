using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.LocalApi;

/// <summary>
/// What has happened lately, for clients that wait for it: <c>GET /changes?after=N&amp;wait=S</c> answers
/// <c>{"next":N,"lost":true?,"changes":[{"seq","time","kind","subject", …}]}</c> as soon as there is a change later than N, or after S seconds with none.
/// </summary>
/// <remarks>
/// Kept in memory only, the last 256. <c>after=0</c> gives all that is kept. Numbers begin at random, below 2^52 so that every JSON reader takes them exactly: a number of an earlier life of the
/// daemon is none of this one's, whatever the clock. A client whose number is none of those kept has missed something, by a restart or since it was away for too long: it gets everything that is kept and
/// <c>"lost":true</c>, and reads anew what it wants to know. Times are ISO 8601 in UTC.
/// </remarks>
public sealed class ChangeFeed
{
    private const int Kept = 256, LongestWait = 300;
    private const long LargestStart = 1L << 52;
    private readonly TimeProvider _time;
    private readonly object _gate = new();
    private readonly Change[] _ring = new Change[Kept];
    private readonly long _first;
    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);
    private long _published;

    public ChangeFeed(TimeProvider time)
        : this(time, Random.Shared.NextInt64(1, LargestStart))
    {
    }

    /// <param name="first">The first change's number.</param>
    internal ChangeFeed(TimeProvider time, long first)
    {
        _time = time;
        _first = first;
    }

    /// <summary>Makes a change known to all who wait.</summary>
    /// <param name="kind">One word, such as <c>issued</c>.</param>
    /// <param name="subject">What it happened to, such as a certificate id.</param>
    /// <param name="fields">More about it; those without a value are left out. Nothing secret: every client of the socket sees it.</param>
    public void Publish(string kind, string subject, params ReadOnlySpan<(string Name, string? Value)> fields)
    {
        var now = _time.GetUtcNow();
        var kept = fields.ToArray();
        lock (_gate)
        {
            _ring[_published % Kept] = new Change(_first + _published, now, kind, subject, kept);
            _published++;
            Count(kind);
            Count(Key(kind, subject));
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>How many changes of a kind there have been since the start, those included that are not kept any more.</summary>
    public long CountOf(string kind)
    {
        lock (_gate) return _counts.GetValueOrDefault(kind);
    }

    /// <summary>The same, of one subject.</summary>
    public long CountOf(string kind, string subject) => CountOf(Key(kind, subject));

    /// <summary>Adds the route to a server.</summary>
    public void Map(LocalServer server, string[] apiVersions) => server.Map("GET", "/changes", apiVersions, Answer, new RouteOptions { Waits = true });

    private void Answer(LocalRequest request, LocalResponse response)
    {
        var after = Number(request, "after", long.MaxValue);
        var wait = (int)Number(request, "wait", LongestWait);
        using var woken = request.Stopping.UnsafeRegister(static feed => ((ChangeFeed)feed!).Wake(), this);
        var changes = Await(after, wait * 1000L, request.Stopping, out var next, out var lost);
        Write(response.Json(), changes, next, lost);
    }

    private void Count(string key) => _counts[key] = _counts.GetValueOrDefault(key) + 1;

    // Kinds have no spaces.
    private static string Key(string kind, string subject) => kind + " " + subject;

    private void Wake()
    {
        lock (_gate) Monitor.PulseAll(_gate);
    }

    private Change[] Await(long after, long milliseconds, CancellationToken stopping, out long next, out bool lost)
    {
        var until = Environment.TickCount64 + milliseconds;
        lock (_gate)
        {
            while (true)
            {
                var last = _first + _published - 1;
                var before = last - Math.Min(_published, Kept);
                // Who asks for the first time has nothing to lose; any other number than one of ours is from an earlier life, or has been dropped.
                lost = after != 0 && (after < before || after > last);
                var count = (int)(last - (after < before || after > last ? before : after));
                var left = until - Environment.TickCount64;
                if (count == 0 && !lost && left > 0 && !stopping.IsCancellationRequested)
                {
                    Monitor.Wait(_gate, (int)left);
                    continue;
                }

                next = last;
                var changes = new Change[count];
                for (var i = 0; i < count; i++) changes[i] = _ring[(_published - count + i) % Kept];
                return changes;
            }
        }
    }

    private static void Write(Utf8JsonWriter json, Change[] changes, long next, bool lost)
    {
        json.WriteStartObject();
        json.WriteNumber("next"u8, next);
        if (lost) json.WriteBoolean("lost"u8, true);
        json.WriteStartArray("changes"u8);
        foreach (var change in changes)
        {
            json.WriteStartObject();
            json.WriteNumber("seq"u8, change.Sequence);
            json.WriteString("time"u8, change.Time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            json.WriteString("kind"u8, change.Kind);
            json.WriteString("subject"u8, change.Subject);
            foreach (var (name, value) in change.Fields)
            {
                if (value is not null) json.WriteString(name, value);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static long Number(LocalRequest request, string name, long largest)
    {
        var text = request.Query(name);
        if (text is null) return 0;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? Math.Min(value, largest)
            : throw new ProblemException("bad_request", $"the query parameter {name} is '{text}', not a whole number", $"give {name} as a number from 0 on", 400);
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Change(long Sequence, DateTimeOffset Time, string Kind, string Subject, (string Name, string? Value)[] Fields);
}
