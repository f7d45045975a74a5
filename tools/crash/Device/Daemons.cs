using System.Diagnostics;
using System.Globalization;
using EstProv.Crash.Sweeping;

namespace EstProv.Crash.Device;

/// <summary>The three published daemons of a device, as children of the program <c>cut</c>, with a clock that runs ahead.</summary>
internal sealed class Daemons : IDisposable
{
    private readonly Process _cut;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;

    private Daemons(Process cut)
    {
        _cut = cut;
        _output = cut.StandardOutput.ReadToEndAsync();
        _errors = cut.StandardError.ReadToEndAsync();
    }

    /// <summary>In the order in which they are started.</summary>
    public static IReadOnlyList<string> Names { get; } = ["keyd", "certd", "identityd"];

    public static uint UserId { get; } = uint.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2],
        CultureInfo.InvariantCulture);

    /// <summary>Ends them when the daemons have ended, by the point or by themselves.</summary>
    public bool HasEnded => _cut.HasExited;

    /// <summary>Nobody watches them: a device after its restart.</summary>
    public static Daemons StartFreely(SweepOptions options, DeviceFolder device, TimeSpan clock) => Start(options, device, clock, ["-u"]);

    /// <summary>Their calls are counted; all are killed at the point's, if there is one.</summary>
    /// <param name="images">Folder for what a loss of power could have left instead.</param>
    public static Daemons StartWatched(SweepOptions options, DeviceFolder device, TimeSpan clock, Point? point, string images)
    {
        List<string> words = ["-t", device.At("token"), "-o", device.At("run")];
        foreach (var daemon in Names) words.AddRange(["-s", device.At(daemon)]);
        if (point is not null)
        {
            words.AddRange(["-v", point.Daemon, "-c", point.Place, "-n", point.Number.ToString(CultureInfo.InvariantCulture)]);
            words.AddRange(["-i", images]);
        }

        if (options.Unsynced) words.Add("-x");
        return Start(options, device, clock, words);
    }

    /// <summary>Kills them, if they have not ended, and tells what there was.</summary>
    public CutReport End()
    {
        _cut.StandardInput.Close();
        _cut.WaitForExit();
        var report = _output.GetAwaiter().GetResult();
        if (_cut.ExitCode != 0) throw new HarnessException($"cut ended with {_cut.ExitCode}: {_errors.GetAwaiter().GetResult()}");
        return CutReport.Parse(report);
    }

    public void Dispose()
    {
        if (!_cut.HasExited)
        {
            _cut.StandardInput.Close();
            _cut.WaitForExit();
        }

        _cut.Dispose();
    }

    private static Daemons Start(SweepOptions options, DeviceFolder device, TimeSpan clock, List<string> words)
    {
        words.AddRange(["-w", device.At("run"), "-l", device.At("log")]);
        foreach (var daemon in Names)
        {
            words.AddRange(["--", daemon, Path.Combine(options.Stage, "usr/libexec/estprov/estprov-" + daemon)]);
            words.AddRange(["--config", device.At(daemon + ".toml"), "--runtime-dir", device.At("run")]);
        }

        // The first "--" ends cut's own options, those after it part the daemons.
        var start = new ProcessStartInfo(Path.Combine(options.Tools, "cut"), words)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in device.Environment) start.Environment[name] = value;
        start.Environment["OPENSSL_MODULES"] = Path.Combine(options.Stage, "usr/lib/ossl-modules");
        start.Environment["LD_PRELOAD"] = Path.Combine(options.Tools, "clock.so");
        start.Environment["ESTPROV_CRASH_CLOCK"] = ((long)clock.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return new Daemons(Process.Start(start)!);
    }
}
