using System.Text.RegularExpressions;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.LocalApi.Client;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys.Tests;

/// <summary>The whole daemon in this process, on a socket in a temporary folder.</summary>
internal sealed partial class KeydUnderTest : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LogLines _log = new();
    private CancellationTokenSource? _stop;
    private Thread? _thread;

    /// <summary>Of the daemon that was stopped, or of the last check.</summary>
    public int ExitCode { get; private set; }

    public string Home => _folder["home"];

    public string Socket => _folder["keyd.sock"];

    public IReadOnlyList<string> Log => _log.Lines;

    public ILogger Logger => _log;

    public LocalClient Http { get; private set; } = null!;

    public KeyClient Client { get; private set; } = null!;

    public string ConfigFile => _folder["keyd.toml"];

    /// <summary>What the daemon has ended with, where that was a problem.</summary>
    public ProblemException? Ended { get; private set; }

    /// <summary>See <see cref="DaemonContext.Replace"/>.</summary>
    public Func<IReadOnlyDictionary<string, string>, int[], int>? Replace { get; set; }

    /// <param name="toml">What stands below homedir_path.</param>
    public void Configure(string toml)
    {
        File.WriteAllText(ConfigFile, $"homedir_path = \"{Home}\"\n{toml}\n");
        File.SetUnixFileMode(ConfigFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public void Start()
    {
        var starts = Starts();
        _stop = new CancellationTokenSource();
        _thread = new Thread(Run);
        _thread.Start();
        Assert.That(() => Starts() > starts || !_thread.IsAlive, Is.True.After(10_000, 5));
        Http = new LocalClient(Socket, "estprov-keyd", "Key Service", TimeSpan.FromSeconds(10));
        Client = new KeyClient(Http);
    }

    private void Run()
    {
        try
        {
            ExitCode = KeyDaemon.Run(Context(checkOnly: false, _stop!.Token));
        }
        catch (ProblemException problem)
        {
            Ended = problem;
        }
    }

    public void Stop()
    {
        Http?.Dispose();
        _stop?.Cancel();
        _thread?.Join();
        _stop?.Dispose();
        _stop = null;
        _thread = null;
    }

    public void Restart()
    {
        Stop();
        Start();
    }

    /// <summary>Runs <c>estprov token selftest</c>.</summary>
    public bool SelfTest(TextWriter output) => Keys.SelfTest.TokenSelfTest.Run(Context(checkOnly: true, CancellationToken.None), output);

    /// <summary>Runs <c>--check</c>; what it says goes to <paramref name="output"/>.</summary>
    public int Check(out string output)
    {
        var before = Console.Error;
        using var text = new StringWriter();
        Console.SetError(text);
        try
        {
            return ExitCode = KeyDaemon.Run(Context(checkOnly: true, CancellationToken.None));
        }
        finally
        {
            Console.SetError(before);
            // These tests have their PIN in the file, and mean something else.
            output = OfPin().Replace(text.ToString(), "");
        }
    }

    [GeneratedRegex("warning: .* has its PIN in this file\nhint: .*\n", RegexOptions.None, 1000)]
    private static partial Regex OfPin();

    public void Dispose()
    {
        Stop();
        _log.Dispose();
        _folder.Dispose();
    }

    private int Starts() => Log.Count(static line => line.Contains("serving on", StringComparison.Ordinal));

    private DaemonContext Context(bool checkOnly, CancellationToken stopping) => new()
    {
        ConfigFile = ConfigFile,
        ConfigDir = _folder["keyd.d"],
        RuntimeDir = _folder.Path,
        CheckOnly = checkOnly,
        Loggers = _log,
        Time = TimeProvider.System,
        BuildTime = DateTimeOffset.UnixEpoch,
        Stopping = stopping,
        Replace = Replace,
    };

    private sealed class LogLines : ILoggerFactory, ILogger
    {
        private readonly List<string> _lines = [];

        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (_lines) return [.. _lines];
            }
        }

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lines) _lines.Add($"{logLevel}: {formatter(state, exception)}");
        }
    }
}
