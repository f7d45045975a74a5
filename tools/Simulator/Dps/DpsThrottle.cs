namespace EstProv.Simulator.Dps;

/// <summary>Counts requests in sliding windows: registrations of all devices together, polls of each device by itself.</summary>
internal sealed class DpsThrottle(DpsLimits limits)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan TenSeconds = TimeSpan.FromSeconds(10);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Queue<DateTimeOffset>> _windows = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Null = admitted and counted; else the seconds until a request of this kind will be, at least 1.</summary>
    public int? SecondsToWait(string route, string registrationId, DateTimeOffset now)
    {
        var (limit, window, key) = route switch
        {
            "register" => (limits.RegistrationsPerMinute, Minute, "register"),
            "operation" => (limits.PollsPerTenSeconds, TenSeconds, "operation/" + registrationId),
            _ => (null, TimeSpan.Zero, ""),
        };
        if (limit is not { } most)
        {
            return null;
        }

        lock (_lock)
        {
            if (!_windows.TryGetValue(key, out var times))
            {
                _windows[key] = times = new();
            }

            while (times.TryPeek(out var oldest) && oldest + window <= now)
            {
                times.Dequeue();
            }

            if (times.Count < most)
            {
                times.Enqueue(now);
                return null;
            }

            var until = times.TryPeek(out var first) ? first + window - now : window;
            return Math.Max(1, (int)Math.Ceiling(until.TotalSeconds));
        }
    }
}
