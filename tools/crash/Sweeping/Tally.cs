namespace EstProv.Crash.Sweeping;

/// <summary>Counts, tells how far it is, and shows what did not survive.</summary>
internal sealed class Tally
{
    private static readonly TimeSpan s_pace = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, (int Points, int States, int Survived, int Missed)> _rows = new(StringComparer.Ordinal);
    private int _expected;
    private int _done;
    private DateTime _told = DateTime.UtcNow;

    public void Expect(int points)
    {
        _expected = points;
        Console.WriteLine($"{points} points to try");
    }

    public void Add(Point point, IReadOnlyList<Outcome> outcomes)
    {
        lock (_gate)
        {
            _done++;
            var row = $"{point.Scenario.Name} {point.Daemon} {point.Place}";
            var (points, states, survived, missed) = _rows.GetValueOrDefault(row);
            var good = outcomes.Count(o => o.Fault is null);
            var reached = outcomes.Count > 0 ? 1 : 0;
            _rows[row] = (points + reached, states + outcomes.Count, survived + good, missed + 1 - reached);
            foreach (var outcome in outcomes.Where(o => o.Fault is not null))
                Console.WriteLine($"DID NOT SURVIVE: {outcome.Point}, {outcome.Way} at {outcome.Where}: {outcome.Fault}");
            if (DateTime.UtcNow - _told < s_pace) return;
            _told = DateTime.UtcNow;
            Console.WriteLine($"   {_done} of {_expected} ({point})");
        }
    }

    /// <returns>Whether all survived.</returns>
    public bool Close(TimeSpan took)
    {
        Console.WriteLine($"{"",-32} {"calls",6} {"points",7} {"survived",9} {"not reached",12}");
        foreach (var (row, counts) in _rows)
            Console.WriteLine($"{row,-32} {counts.Points,6} {counts.States,7} {counts.Survived,9} {counts.Missed,12}");
        var (points, survived) = (_rows.Values.Sum(r => r.States), _rows.Values.Sum(r => r.Survived));
        var calls = _rows.Values.Sum(r => r.Points);
        Console.WriteLine($"{points} points, {survived} survived ({calls} calls interrupted, in {took.TotalSeconds:0} s)");
        return points == survived && points > 0;
    }
}
