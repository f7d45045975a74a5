using System.Collections.Concurrent;
using System.Diagnostics;
using EstProv.Crash.Device;

namespace EstProv.Crash.Sweeping;

/// <summary>Every point of every scenario, by several devices at a time.</summary>
internal sealed class Sweep(SweepOptions options)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Tally _tally = new();

    /// <summary>Whether everything survived; with <c>--unsynced</c>, whether something did not.</summary>
    public bool Run()
    {
        Folders.Remove(Path.Combine(options.Folder, "findings"));
        var points = new ConcurrentQueue<Point>(Choose());
        if (points.IsEmpty) throw new HarnessException("no point fits what was asked for");
        _tally.Expect(points.Count);
        var failures = new ConcurrentQueue<Exception>();
        var workers = Enumerable.Range(0, Math.Min(options.Workers, points.Count))
            .Select(number => new Thread(() => Work(number, points, failures))).ToList();
        foreach (var worker in workers) worker.Start();
        foreach (var worker in workers) worker.Join();
        if (failures.TryDequeue(out var failure)) throw failure as HarnessException ?? new HarnessException(failure.ToString(), failure);
        var fine = _tally.Close(_clock.Elapsed);
        return options.Unsynced ? !fine : fine;
    }

    private List<Point> Choose()
    {
        var points = new List<Point>();
        foreach (var scenario in Scenarios.All.Where(s => options.Scenario is null || options.Scenario == s.Name))
        {
            if (options.At is { } at)
            {
                points.AddRange(Daemons.Names.Where(IsWanted).Select(daemon => new Point(scenario, daemon, options.Place, at)));
                continue;
            }

            var counts = Count(scenario);
            foreach (var daemon in Daemons.Names.Where(IsWanted))
            {
                points.AddRange(Enumerable.Range(1, counts[(daemon, "own")]).Select(number => new Point(scenario, daemon, "own", number)));
                // SoftHSM2's own calls are its business; whether we come to terms with what they leave is ours.
                points.AddRange(Enumerable.Range(1, counts[(daemon, "token")])
                    .Where(number => (number + options.Turn) % options.TokenEvery == 0)
                    .Select(number => new Point(scenario, daemon, "token", number)));
            }

            var told = counts.Where(c => c.Value > 0).Select(c => $"{c.Key.Daemon} {c.Value} {c.Key.Place}");
            Console.WriteLine($"{scenario.Name}: {string.Join(", ", told)} calls that write");
        }

        return [.. points.Where((_, index) => (index + options.Turn) % options.Every == 0)];
    }

    private bool IsWanted(string daemon) => options.Daemon is null || options.Daemon == daemon;

    private IReadOnlyDictionary<(string Daemon, string Place), int> Count(Scenario scenario)
    {
        var bench = Workbench.SetUpAsync(options, Path.Combine(options.Folder, "count"), scenario.LocalMint).GetAwaiter().GetResult();
        try
        {
            return bench.Count(scenario).Counts;
        }
        finally
        {
            bench.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private void Work(int number, ConcurrentQueue<Point> points, ConcurrentQueue<Exception> failures)
    {
        var benches = new Dictionary<bool, Workbench>();
        try
        {
            while (failures.IsEmpty && points.TryDequeue(out var point))
            {
                var local = point.Scenario.LocalMint;
                if (!benches.TryGetValue(local, out var bench))
                {
                    var folder = Path.Combine(options.Folder, $"{number}{(local ? "-local" : "")}");
                    benches[local] = bench = Workbench.SetUpAsync(options, folder, local).GetAwaiter().GetResult();
                }

                _tally.Add(point, bench.Try(point));
            }
        }
#pragma warning disable CA1031 // Whatever it is ends the sweep, on the thread that waits for this one.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            failures.Enqueue(failure);
        }
        finally
        {
            foreach (var bench in benches.Values) bench.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}
