using System.Diagnostics;
using System.Security.Cryptography;
using EstProv.Fuzz.Targets;

namespace EstProv.Fuzz.Engine;

/// <summary>How long, and where what is found goes.</summary>
internal sealed record FuzzOptions
{
    public required TimeSpan Time { get; init; }

    public required int Seed { get; init; }

    /// <summary>Inputs to begin with; read only.</summary>
    public required string Corpus { get; init; }

    /// <summary>Gets <c>crash-*</c>, <c>hang-*</c> and <c>corpus/*</c>.</summary>
    public required string Output { get; init; }

    /// <summary>One execution that takes longer is a hang.</summary>
    public TimeSpan HangAfter { get; init; } = TimeSpan.FromSeconds(20);
}

/// <summary>Runs a target over inputs that it makes of a corpus, keeping those that reach something new.</summary>
internal sealed class Fuzzer(FuzzTarget target, FuzzOptions options)
{
    private const long MostPerExecution = 64L << 20, MostGrowth = 32L << 20;
    private static readonly TimeSpan Report = TimeSpan.FromSeconds(30);

    private readonly Coverage _coverage = new();
    private readonly List<byte[]> _corpus = [];
    private readonly HashSet<string> _failures = new(StringComparer.Ordinal);
    private readonly Stopwatch _clock = new();
    private byte[] _current = [];
    private long _begun = -1;
    private long _executions;
    private long _largest;
    private int _found;

    /// <returns>Whether nothing was found.</returns>
    public bool Run()
    {
        Directory.CreateDirectory(Path.Combine(options.Output, "corpus"));
        _clock.Start();
        // On whatever thread: it ends the process, and says at least where it was.
        AppDomain.CurrentDomain.UnhandledException += (_, failure) => Fail("crash", _current, $"an exception on a thread of its own: {failure.ExceptionObject}");
        new Thread(WatchForHangs) { IsBackground = true, Name = "hang-watch" }.Start();
        foreach (var file in Directory.EnumerateFiles(options.Corpus).Order(StringComparer.Ordinal)) Try(File.ReadAllBytes(file), keep: true);
        if (_corpus.Count == 0) _corpus.Add([]);
        Console.WriteLine($"seed {options.Seed}, {_corpus.Count} inputs reach {_coverage.Edges} pairs of branches{(_coverage.Edges == 0 ? " (not instrumented: no guidance)" : "")}");

        var mutator = new Mutator(new Random(options.Seed), target.Words, target.LongestInput);
        var heap = 0L;
        var report = Report;
        while (_clock.Elapsed < options.Time)
        {
            Try(mutator.Make(_corpus), keep: false);
            if (target.ExecutionsPerReset > 0 && _executions % target.ExecutionsPerReset == 0) target.Reset();
            if (_clock.Elapsed < report) continue;
            report += Report;
            Say();
            if (heap == 0) heap = GC.GetTotalMemory(forceFullCollection: true);
        }

        target.Reset();
        var grown = heap == 0 ? 0 : GC.GetTotalMemory(forceFullCollection: true) - heap - _corpus.Sum(static one => (long)one.Length);
        if (grown > MostGrowth && _failures.Add("leak")) Fail("leak", [], $"the heap has grown by {grown >> 20} MB since the first half minute");
        Say();
        Console.WriteLine($"{target.GetType().Name}: {_executions} executions in {_clock.Elapsed.TotalSeconds:F0} s, {_failures.Count} failures, 0 hangs, heap grown by {grown >> 10} KB");
        return _failures.Count == 0;
    }

    private void Try(byte[] input, bool keep)
    {
        Begin(input);
        var failure = Execute(input, out var allocated);
        Volatile.Write(ref _begun, -1);
        _largest = Math.Max(_largest, allocated);
        if (failure is null && allocated > MostPerExecution) failure = ("memory", $"one execution allocated {allocated >> 20} MB");
        if (failure is { } found)
        {
            if (_failures.Add(found.Kind)) Fail("crash", Minimise(input, found.Kind), found.Text);
            return;
        }

        if (!_coverage.HasNew() && !keep) return;
        if (!keep)
        {
            // Other threads count too: only what comes twice is the input's own.
            Begin(input);
            _ = Execute(input, out _);
            Volatile.Write(ref _begun, -1);
            if (!_coverage.HasNew()) return;
            File.WriteAllBytes(Path.Combine(options.Output, "corpus", Name(input)), input);
            _found++;
        }

        _coverage.Keep();
        _corpus.Add(input);
    }

    private void Begin(byte[] input)
    {
        _current = input;
        _executions++;
        Volatile.Write(ref _begun, _clock.ElapsedMilliseconds);
        Coverage.Begin();
    }

    private (string Kind, string Text)? Execute(byte[] input, out long allocated)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            target.Execute(input);
            return null;
        }
        catch (Exception cause)
        {
            return (KindOf(cause), cause.ToString());
        }
        finally
        {
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    /// <summary>Leaves out whatever is not needed for the same failure.</summary>
    private byte[] Minimise(byte[] input, string kind)
    {
        var until = _clock.Elapsed + TimeSpan.FromSeconds(20);
        for (var size = Math.Max(1, input.Length / 2); size >= 1; size /= 2)
        {
            for (var at = 0; at + size <= input.Length && _clock.Elapsed < until;)
            {
                byte[] shorter = [.. input.AsSpan(0, at), .. input.AsSpan(at + size)];
                Begin(shorter);
                var failure = Execute(shorter, out _);
                Volatile.Write(ref _begun, -1);
                if (failure?.Kind == kind) input = shorter;
                else at += size;
            }
        }

        return input;
    }

    private void Fail(string what, byte[] input, string text)
    {
        var file = Path.Combine(options.Output, $"{what}-{Name(input)}");
        File.WriteAllBytes(file, input);
        Console.WriteLine($"FOUND {what} (seed {options.Seed}, execution {_executions}): {file}\n{text}");
    }

    // The type, and for what is ours the promise, and where it was thrown.
    private static string KindOf(Exception cause)
    {
        var frame = cause.StackTrace?.Split('\n').FirstOrDefault(static line => line.Contains("EstProv.", StringComparison.Ordinal) && !line.Contains("Promise(", StringComparison.Ordinal));
        var text = cause is BrokenPromiseException ? new string([.. cause.Message.Where(static one => !char.IsAsciiDigit(one)).Take(60)]) : "";
        return $"{cause.GetType()} {text} {frame?.Trim()}";
    }

    private static string Name(byte[] input) => Convert.ToHexStringLower(SHA256.HashData(input))[..12];

    private void Say() => Console.WriteLine(
        $"{_clock.Elapsed.TotalSeconds,5:F0} s  {_executions} executions, {_executions / _clock.Elapsed.TotalSeconds:F0}/s, {_coverage.Edges} pairs of branches, {_found} inputs found, "
        + $"most memory for one {_largest >> 10} KB, {_failures.Count} failures");

    /// <summary>A hang cannot be broken off: its input is kept, and the process ends.</summary>
    private void WatchForHangs()
    {
        while (true)
        {
            Thread.Sleep(1000);
            var begun = Volatile.Read(ref _begun);
            if (begun < 0 || _clock.ElapsedMilliseconds - begun < options.HangAfter.TotalMilliseconds) continue;
            var input = _current;
            _failures.Add("hang");
            Fail("hang", input, $"one execution takes more than {options.HangAfter.TotalSeconds} s");
            Console.WriteLine($"{target.GetType().Name}: {_executions} executions in {_clock.Elapsed.TotalSeconds:F0} s, {_failures.Count} failures, 1 hang");
            Environment.Exit(3);
        }
    }
}
