namespace EstProv.Certificates.Tests.Support;

internal sealed record SeenEvent(string Kind, string Id, IReadOnlyDictionary<string, string?> Fields);

/// <summary>Collects what certd publishes, and waits for it.</summary>
internal sealed class SeenEvents
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly object _gate = new();
    private readonly List<SeenEvent> _events = [];

    public void Publish(string kind, string id, (string Name, string? Value)[] fields)
    {
        lock (_gate)
        {
            _events.Add(new SeenEvent(kind, id, fields.ToDictionary(field => field.Name, field => field.Value)));
            Monitor.PulseAll(_gate);
        }
    }

    public IReadOnlyList<SeenEvent> All
    {
        get
        {
            lock (_gate) return [.. _events];
        }
    }

    public void Clear()
    {
        lock (_gate) _events.Clear();
    }

    public int Count(string kind, string id)
    {
        lock (_gate) return _events.Count(seen => seen.Kind == kind && seen.Id == id);
    }

    public override string ToString() => string.Join("\n", All.Select(seen => $"{seen.Kind} {seen.Id} {string.Join(" ", seen.Fields.Select(field => $"{field.Key}={field.Value}"))}"));

    /// <summary>Waits until there are so many events of this kind.</summary>
    public SeenEvent Await(string kind, string id, int count = 1)
    {
        var until = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        lock (_gate)
        {
            while (true)
            {
                var seen = _events.Where(known => known.Kind == kind && known.Id == id).ToList();
                if (seen.Count >= count) return seen[count - 1];
                var left = until - Environment.TickCount64;
                if (left <= 0) Assert.Fail($"no event {count} '{kind}' of '{id}'; seen:\n{this}");
                Monitor.Wait(_gate, (int)left);
            }
        }
    }
}
