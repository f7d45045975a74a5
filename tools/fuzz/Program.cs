using System.Globalization;
using System.Runtime.CompilerServices;
using EstProv.Fuzz.Engine;
using EstProv.Fuzz.Targets;

namespace EstProv.Fuzz;

/// <summary>The command line of the fuzzer; <c>./build.sh fuzz</c> calls it.</summary>
internal static class Program
{
    private const string Usage = """
        usage: EstProv.Fuzz instrument FILE...                              rewrites assemblies so that they count their branches
               EstProv.Fuzz run TARGET SECONDS SEED CORPUS-FOLDER OUT-FOLDER
               EstProv.Fuzz try TARGET FILE...                              runs inputs once each, and shows what they throw
        """;

    private static int Main(string[] arguments)
    {
        Coverage.Prepare();
        switch (arguments)
        {
            case ["instrument", .. var files]:
                foreach (var file in files) SharpFuzz.Fuzzer.Instrument(file, static _ => true, SharpFuzz.Options.Value);
                return 0;
            case ["run", var target, var seconds, var seed, var corpus, var output]:
                return Run(target, int.Parse(seconds, CultureInfo.InvariantCulture), int.Parse(seed, CultureInfo.InvariantCulture), corpus, output);
            case ["try", var target, .. var files]:
                return Try(target, files);
            default:
                Console.Error.WriteLine(Usage);
                return 64;
        }
    }

    // Not inlined: what a target touches is loaded only after the counters are there.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Run(string name, int seconds, int seed, string corpus, string output)
    {
        using var target = FuzzTarget.Create(name);
        var options = new FuzzOptions { Time = TimeSpan.FromSeconds(seconds), Seed = seed, Corpus = corpus, Output = output };
        return new Fuzzer(target, options).Run() ? 0 : 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Try(string name, string[] files)
    {
        using var target = FuzzTarget.Create(name);
        foreach (var file in files)
        {
            Console.WriteLine(file);
            target.Execute(File.ReadAllBytes(file));
        }

        return 0;
    }
}
