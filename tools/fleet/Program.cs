using System.Diagnostics;
using System.Globalization;
using EstProv.Fleet.Reports;
using EstProv.Fleet.Simulation;

namespace EstProv.Fleet;

/// <summary>Reckons every scenario, prints what came of it beside the bounds, and draws. <c>./build.sh fleet</c> calls it.</summary>
internal static class Program
{
    private const int Done = 0, BoundBroken = 1, BadUsage = 64;

    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(10);

    private static readonly Lock Output = new();

    private static int Main(string[] arguments)
    {
        if (arguments is ["--timeline", var picture])
        {
            File.WriteAllText(picture, Timeline.Draw());
            return Done;
        }

        if (arguments is not [var folder, .. var rest] || rest.Length > 1 || folder.StartsWith('-'))
        {
            Console.Error.WriteLine("usage: EstProv.Fleet OUT-FOLDER [SEED]\n       EstProv.Fleet --timeline FILE");
            return BadUsage;
        }

        var seed = 1;
        if (rest is [var text] && !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seed))
        {
            Console.Error.WriteLine($"error: '{text}' is no seed\nhint: a whole number, 1 when it is left out");
            return BadUsage;
        }

        var scenarios = new List<Scenario>();
        foreach (var group in new[] { Scenarios.OfAHundredThousand, Scenarios.OfShortLives, Scenarios.OfAMillion, Scenarios.OfTheFirstDay })
            scenarios.AddRange(group);
        var outcomes = Run(scenarios, seed);
        Console.WriteLine($"\n{OutcomeTable.Head}");
        foreach (var outcome in outcomes) Console.WriteLine(OutcomeTable.Row(outcome));
        Draw(folder, outcomes);
        return Judge(outcomes);
    }

    /// <summary>The longest first, so that no processor waits for the last one.</summary>
    private static List<Outcome> Run(List<Scenario> scenarios, int seed)
    {
        var outcomes = new Outcome[scenarios.Count];
        var order = Enumerable.Range(0, scenarios.Count).OrderByDescending(i => scenarios[i].Devices * scenarios[i].Length.TotalDays).ToList();
        Parallel.ForEach(order, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            var (scenario, watch, next) = (scenarios[i], Stopwatch.StartNew(), ProgressEvery);
            void Progress(TimeSpan time, long attempts)
            {
                if (watch.Elapsed < next) return;
                next += ProgressEvery;
                Say($"   {scenario.Name}: day {time.TotalDays:0} of {scenario.Length.TotalDays:0}, {attempts:N0} attempts");
            }

            outcomes[i] = FleetSimulation.Run(scenario with { Seed = seed }, Progress) with { Scenario = scenario };
            Say($"   {scenario.Name}: done in {watch.Elapsed.TotalSeconds:0.0} s");
        });
        return [.. outcomes];
    }

    private static void Draw(string folder, IReadOnlyList<Outcome> outcomes)
    {
        Directory.CreateDirectory(folder);
        Console.WriteLine();
        foreach (var (file, plot) in Plots.Of(outcomes))
        {
            File.WriteAllText(Path.Combine(folder, file), plot.ToString());
            Console.WriteLine($"drawn: {Path.Combine(folder, file)}");
        }
    }

    private static int Judge(IEnumerable<Outcome> outcomes)
    {
        var broken = 0;
        Console.WriteLine();
        foreach (var bound in outcomes.SelectMany(Bound.Of))
        {
            Console.WriteLine(bound);
            if (!bound.Holds) broken++;
        }

        if (broken == 0) return Done;
        Console.Error.WriteLine($"error: {broken} bounds of the renewal policy are broken\nhint: look at the lines marked BROKEN; the policy is src/EstProv.Certificates/Renewal");
        return BoundBroken;
    }

    private static void Say(string line)
    {
        lock (Output) Console.WriteLine(line);
    }
}
