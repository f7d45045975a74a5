namespace EstProv.Fleet.Simulation;

/// <summary>
/// What is due when, for a fixed set of members with one event each: a bucket a minute, in which events are unsorted lists until their minute comes; then they are sorted. So
/// an event costs a few nanoseconds, however many millions wait.
/// </summary>
/// <param name="members">How many members; an event is a member's number.</param>
/// <param name="end">Milliseconds; what is due later is never taken.</param>
internal sealed class EventQueue(int members, long end)
{
    private const int BucketMilliseconds = 60_000;
    private const int None = -1;

    private readonly int[] _first = Filled(checked((int)(end / BucketMilliseconds) + 1));
    private readonly int[] _next = Filled(members);
    private readonly long[] _due = new long[members];

    // By time, and among equals by member: the order must not depend on how the heap was filled. One number, since comparing is most of the work.
    private readonly PriorityQueue<int, long> _now = new();
    private int _bucket;

    /// <summary>The member has no event in the queue when this is called.</summary>
    /// <param name="due">Milliseconds since the start; not before what was taken last.</param>
    public void Add(int member, long due)
    {
        if (due > end) return;
        var bucket = (int)(due / BucketMilliseconds);
        if (bucket <= _bucket)
        {
            _now.Enqueue(member, due * members + member);
            return;
        }

        _due[member] = due;
        _next[member] = _first[bucket];
        _first[bucket] = member;
    }

    public bool TryTake(out int member, out long due)
    {
        while (_now.Count == 0)
        {
            if (++_bucket >= _first.Length)
            {
                (member, due, _bucket) = (None, end, _first.Length - 1);
                return false;
            }

            for (var i = _first[_bucket]; i != None; i = _next[i]) _now.Enqueue(i, _due[i] * members + i);
        }

        _now.TryDequeue(out member, out var priority);
        due = priority / members;
        return true;
    }

    private static int[] Filled(int length)
    {
        var array = new int[length];
        Array.Fill(array, None);
        return array;
    }
}
