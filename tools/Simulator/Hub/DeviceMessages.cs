namespace EstProv.Simulator.Hub;

/// <summary>
/// Messages of the devices, in memory: those received from them, and for each a queue of those to it
/// (learn.microsoft.com/azure/iot-hub/iot-hub-devguide-messages-c2d).
/// </summary>
public sealed class DeviceMessages
{
    private const int Kept = 1000;
    private const int MaxDeliveries = 10;
    private static readonly TimeSpan LockTime = TimeSpan.FromMinutes(1);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<Entry>> _queues = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Queue<DeviceMessage>> _received = new(StringComparer.Ordinal);
    private long _sequence;

    /// <summary>How many messages wait for a device at most.</summary>
    public static int MaxDepth => 50;

    /// <summary>The newest messages from a device, oldest first.</summary>
    public IReadOnlyList<DeviceMessage> Received(string deviceId)
    {
        lock (_lock)
        {
            return _received.TryGetValue(deviceId, out var received) ? [.. received] : [];
        }
    }

    /// <summary>False = as many as may be are waiting.</summary>
    public bool Enqueue(string deviceId, DeviceMessage message, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (!_queues.TryGetValue(deviceId, out var queue))
            {
                _queues[deviceId] = queue = [];
            }

            if (queue.Count >= MaxDepth)
            {
                return false;
            }

            queue.Add(new Entry { Message = message, Sequence = ++_sequence, Enqueued = now });
            return true;
        }
    }

    internal void Add(string deviceId, DeviceMessage message)
    {
        lock (_lock)
        {
            if (!_received.TryGetValue(deviceId, out var received))
            {
                _received[deviceId] = received = new();
            }

            received.Enqueue(message);
            if (received.Count > Kept)
            {
                received.Dequeue();
            }
        }
    }

    /// <summary>The oldest message that is not locked, locked for a minute from now on; null = none.</summary>
    internal Delivery? Receive(string deviceId, DateTimeOffset now)
    {
        lock (_lock)
        {
            foreach (var entry in _queues.GetValueOrDefault(deviceId, []))
            {
                if (entry.LockedUntil <= now)
                {
                    entry.LockedUntil = now + LockTime;
                    entry.LockToken = Guid.NewGuid().ToString();
                    entry.Deliveries++;
                    return new Delivery(entry.Message, entry.LockToken, entry.Sequence, entry.Enqueued, entry.Deliveries - 1);
                }
            }

            return null;
        }
    }

    /// <summary>Completed or rejected: it is gone. False = the lock is not held.</summary>
    internal bool Remove(string deviceId, string lockToken, DateTimeOffset now)
    {
        lock (_lock)
        {
            return Held(deviceId, lockToken, now) is { } entry && _queues[deviceId].Remove(entry);
        }
    }

    /// <summary>Back into the queue, or dead after the tenth delivery. False = the lock is not held.</summary>
    internal bool Abandon(string deviceId, string lockToken, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (Held(deviceId, lockToken, now) is not { } entry)
            {
                return false;
            }

            entry.LockedUntil = now;
            entry.LockToken = null;
            if (entry.Deliveries >= MaxDeliveries)
            {
                _queues[deviceId].Remove(entry);
            }

            return true;
        }
    }

    private Entry? Held(string deviceId, string lockToken, DateTimeOffset now)
        => _queues.GetValueOrDefault(deviceId, []).Find(e => e.LockToken == lockToken && e.LockedUntil > now);

    /// <summary>A message on its way to its device; deliveries before this one.</summary>
    internal sealed record Delivery(DeviceMessage Message, string LockToken, long Sequence, DateTimeOffset Enqueued, int EarlierDeliveries);

    private sealed class Entry
    {
        public required DeviceMessage Message { get; init; }

        public required long Sequence { get; init; }

        public required DateTimeOffset Enqueued { get; init; }

        public string? LockToken { get; set; }

        public DateTimeOffset LockedUntil { get; set; } = DateTimeOffset.MinValue;

        public int Deliveries { get; set; }
    }
}
