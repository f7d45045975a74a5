namespace EstProv.Simulator.Faults;

/// <summary>The faults switched on, in the order they came; thread-safe.</summary>
public sealed class FaultBoard
{
    private readonly Lock _lock = new();
    private readonly List<Entry> _entries = [];
    private int _lastId;

    public IReadOnlyList<FaultRule> Rules
    {
        get
        {
            lock (_lock)
            {
                return [.. _entries.Select(e => e.Rule with { Hits = e.Hits })];
            }
        }
    }

    /// <summary>Switches a fault on and returns its id.</summary>
    public int Add(FaultRule rule)
    {
        lock (_lock)
        {
            var id = ++_lastId;
            _entries.Add(new Entry(rule with { Id = id, Hits = 0 }));
            return id;
        }
    }

    public bool Remove(int id)
    {
        lock (_lock)
        {
            return _entries.RemoveAll(e => e.Rule.Id == id) > 0;
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            _entries.Clear();
        }
    }

    /// <summary>The first fault of these kinds that acts here now; taking it counts.</summary>
    public FaultRule? Take(FaultPoint point, params ReadOnlySpan<FaultKind> kinds)
    {
        lock (_lock)
        {
            foreach (var entry in _entries)
            {
                if (kinds.Contains(entry.Rule.Kind) && Matches(entry.Rule, point) && entry.Use())
                {
                    return entry.Rule;
                }
            }
        }

        return null;
    }

    private static bool Matches(FaultRule rule, FaultPoint point)
        => (rule.Service is null || rule.Service == point.Service)
        && (rule.Route is null || string.Equals(rule.Route, point.Route, StringComparison.Ordinal))
        && (rule.Label is null || string.Equals(rule.Label, point.Label, StringComparison.Ordinal))
        && (rule.Client is null || point.Client?.Contains(rule.Client, StringComparison.Ordinal) == true);

    private sealed class Entry(FaultRule rule)
    {
        private int _skipped;

        public FaultRule Rule => rule;

        public int Hits { get; private set; }

        public bool Use()
        {
            if (_skipped < rule.Skip)
            {
                _skipped++;
                return false;
            }

            if (rule.Count is { } count && Hits >= count)
            {
                return false;
            }

            Hits++;
            return true;
        }
    }
}
