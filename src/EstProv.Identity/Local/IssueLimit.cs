using EstProv.Platform;

namespace EstProv.Identity.Local;

/// <summary>
/// How often one local identity may be asked for: <see cref="AtOnce"/> times, then once in <see cref="Gap"/>. Each is a certificate of the
/// EST server's or of the device CA's, and a process that dies right after it has got one would ask for thousands. Safe from any thread.
/// </summary>
/// <remarks>
/// The generic cell rate algorithm (ITU-T I.371): of each name one number, when its requests so far would have been due by their gap.
/// </remarks>
internal sealed class IssueLimit(TimeProvider time)
{
    public const int AtOnce = 5;

    public static readonly TimeSpan Gap = TimeSpan.FromMinutes(1);

    // A manager may ask for any name.
    private const int MostNames = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _due = new(StringComparer.Ordinal);
    private readonly long _gap = (long)(Gap.TotalSeconds * time.TimestampFrequency);

    /// <summary>Counts a request, whatever comes of it: a failed one costs a server as much.</summary>
    /// <exception cref="ProblemException"><c>local_id_too_often</c> 429 with Retry-After; such a request is not counted.</exception>
    public void Take(string name)
    {
        TimeSpan wait;
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (!_due.TryGetValue(name, out var due)) MakeRoom(now);
            if (due < now) due = now;
            var early = due - now - ((AtOnce - 1) * _gap);
            if (early <= 0)
            {
                _due[name] = due + _gap;
                return;
            }

            wait = time.GetElapsedTime(0, early);
        }

        throw new ProblemException("local_id_too_often",
            $"the local identity '{name}' was asked for {AtOnce} times in a row; from then on it is made once in {Gap.TotalSeconds:0} s",
            "see why its user asks again and again: each answer is good until its expiration", 429)
        {
            RetryAfter = wait,
        };
    }

    /// <summary>
    /// Forgets those that have all their requests again; where there are none, all: a full table must not refuse anybody.
    /// </summary>
    private void MakeRoom(long now)
    {
        if (_due.Count < MostNames) return;
        var free = new List<string>();
        foreach (var (name, due) in _due)
        {
            if (due <= now) free.Add(name);
        }

        foreach (var name in free) _due.Remove(name);
        if (_due.Count >= MostNames) _due.Clear();
    }
}
