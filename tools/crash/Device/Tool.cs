using System.Diagnostics;

namespace EstProv.Crash.Device;

/// <summary>Other people's programs.</summary>
internal static class Tool
{
    /// <summary>What it printed on its standard output.</summary>
    /// <exception cref="HarnessException">It failed.</exception>
    public static string Run(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var (code, output, errors) = Try(file, arguments, environment);
        return code == 0 ? output : throw new HarnessException($"{file} ended with {code}: {output}{errors}");
    }

    private static (int Code, string Output, string Errors) Try(
        string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.GetAwaiter().GetResult());
    }
}
