using System.Diagnostics;

namespace EstProv.EndToEnd.Tests.Support;

/// <summary>A process whose lines of output can be waited for.</summary>
internal sealed class ObservedProcess : IDisposable
{
    private readonly Process _process;
    private readonly List<string> _lines = [];

    public ObservedProcess(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(file, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Output
    {
        get
        {
            lock (_lines) return string.Join('\n', _lines);
        }
    }

    /// <summary>Waits for a line that contains <paramref name="text"/>, from the <paramref name="skip"/>-th such line on.</summary>
    public string WaitForLine(string text, TimeSpan timeout, int skip = 0)
    {
        timeout = Patience.Of(timeout);
        var deadline = Stopwatch.StartNew();
        lock (_lines)
        {
            while (true)
            {
                var found = _lines.Where(line => line.Contains(text, StringComparison.Ordinal)).Skip(skip).FirstOrDefault();
                if (found is not null) return found;
                var left = timeout - deadline.Elapsed;
                if (left <= TimeSpan.Zero || !Monitor.Wait(_lines, left))
                {
                    throw new TimeoutException($"no line with '{text}' within {timeout.TotalSeconds} s; the output was:\n{string.Join('\n', _lines)}");
                }
            }
        }
    }

    public int CountLines(string text)
    {
        lock (_lines) return _lines.Count(line => line.Contains(text, StringComparison.Ordinal));
    }

    public bool TryWaitForExit(TimeSpan timeout) => _process.WaitForExit(timeout);

    public int WaitForExit(TimeSpan timeout)
    {
        timeout = Patience.Of(timeout);
        if (!_process.WaitForExit(timeout)) throw new TimeoutException($"{_process.StartInfo.FileName} still runs after {timeout.TotalSeconds} s:\n{Output}");
        // The second wait is the one that sees the end of both streams.
        _process.WaitForExit();
        return _process.ExitCode;
    }

    /// <summary>As a power cut or the kernel's memory killer would.</summary>
    public void Kill()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
    }

    /// <summary>SIGTERM, as systemd would.</summary>
    public int Terminate()
    {
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString()]);
            kill.WaitForExit();
        }

        return WaitForExit(TimeSpan.FromSeconds(10));
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null) return;
        lock (_lines)
        {
            _lines.Add(line.Data);
            Monitor.PulseAll(_lines);
        }
    }
}
