using EstProv.Simulator.Faults;

namespace EstProv.Simulator.Est;

/// <summary>Requests answered with 202 (RFC 7030 section 4.2.3): the same request must come again, so many times.</summary>
internal sealed class PendingRequests
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (FaultRule Rule, int Left)> _waiting = new(StringComparer.Ordinal);

    /// <summary>SHA-256 of the requests that wait, and how many more polls are answered with 202.</summary>
    public IReadOnlyDictionary<string, int> Waiting
    {
        get
        {
            lock (_lock)
            {
                return _waiting.ToDictionary(p => p.Key, p => p.Value.Left, StringComparer.Ordinal);
            }
        }
    }

    /// <summary>Null = issue it now; else the rule whose Retry-After is to be sent.</summary>
    public FaultRule? Ask(string digest, Func<FaultRule?> takeFault)
    {
        lock (_lock)
        {
            if (!_waiting.TryGetValue(digest, out var entry))
            {
                if (takeFault() is not { Polls: > 0 } rule)
                {
                    return null;
                }

                entry = (rule, rule.Polls);
            }

            if (entry.Left == 0)
            {
                _waiting.Remove(digest);
                return null;
            }

            _waiting[digest] = (entry.Rule, entry.Left - 1);
            return entry.Rule;
        }
    }
}
