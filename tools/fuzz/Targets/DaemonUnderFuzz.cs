using System.Globalization;
using System.Net.Sockets;
using System.Text;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Fuzz.Targets;

internal delegate void Judge(int status, string contentType, ReadOnlyMemory<byte> body);

/// <summary>A daemon in this process, in a folder of its own in memory.</summary>
internal sealed class DaemonUnderFuzz : IDisposable
{
    private readonly Func<DaemonContext, int> _run;
    private readonly string _toml;
    private readonly LastLines _log = new();
    private readonly byte[] _buffer = new byte[1 << 20];
    private string _folder = "";
    private CancellationTokenSource? _stop;
    private Thread? _thread;
    private Socket? _socket;

    public DaemonUnderFuzz(string name, Func<DaemonContext, int> run, string toml)
    {
        Name = name;
        _run = run;
        _toml = toml;
        Start();
    }

    public string Name { get; }

    public void Restart()
    {
        Dispose();
        Start();
    }

    /// <summary>Sends a request and hands its answer to <paramref name="judge"/>.</summary>
    public void Ask(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, Judge judge)
    {
        var socket = _socket ??= Connect();
        byte[] request = [.. head, .. body];
        try
        {
            socket.Send(request);
            var length = 0;
            int headEnd;
            while ((headEnd = _buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8)) < 0) length += Receive(socket, length);
            var lines = Encoding.Latin1.GetString(_buffer, 0, headEnd).Split("\r\n");
            var contentLength = int.Parse(Find(lines, "Content-Length") ?? "0", CultureInfo.InvariantCulture);
            while (length < headEnd + 4 + contentLength) length += Receive(socket, length);
            if (Find(lines, "Connection") == "close") Disconnect();
            if (_log.TakeFailure() is { } failure) throw new BrokenPromiseException($"{Name} logs: {failure}");
            judge(int.Parse(lines[0].AsSpan(9, 3), CultureInfo.InvariantCulture), Find(lines, "Content-Type") ?? "", _buffer.AsMemory(headEnd + 4, contentLength));
        }
        catch
        {
            Disconnect();
            throw;
        }
    }

    public void Dispose()
    {
        Disconnect();
        _stop?.Cancel();
        _thread?.Join();
        _stop?.Dispose();
        if (_folder.Length > 0) Directory.Delete(_folder, recursive: true);
        _folder = "";
    }

    private void Start()
    {
        var parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        _folder = Directory.CreateDirectory(Path.Combine(parent, "estprov-fuzz-" + Guid.NewGuid().ToString("N")[..12])).FullName;
        var file = Path.Combine(_folder, Name + ".toml");
        File.WriteAllText(file, $"homedir_path = \"{_folder}/home\"\n{_toml}");
        _stop = new CancellationTokenSource();
        var context = new DaemonContext
        {
            ConfigFile = file,
            ConfigDir = Path.Combine(_folder, "none"),
            RuntimeDir = _folder,
            Loggers = _log,
            Time = TimeProvider.System,
            BuildTime = DateTimeOffset.UnixEpoch,
            Stopping = _stop.Token,
        };
        var ended = false;
        _thread = new Thread(() =>
        {
            _run(context);
            Volatile.Write(ref ended, true);
        });
        _thread.Start();
        var socket = Path.Combine(_folder, Name + ".sock");
        if (!SpinWait.SpinUntil(() => File.Exists(socket) || Volatile.Read(ref ended), TimeSpan.FromSeconds(30)) || ended)
        {
            throw new InvalidOperationException($"{Name} does not start: {_log.Last}");
        }
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Path.Combine(_folder, Name + ".sock")));
        return socket;
    }

    private void Disconnect()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private int Receive(Socket socket, int at)
    {
        var count = socket.Receive(_buffer.AsSpan(at));
        return count > 0 ? count : throw new BrokenPromiseException($"{Name} closed the connection without an answer");
    }

    private static string? Find(string[] lines, string name)
    {
        foreach (var line in lines)
        {
            if (line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase)) return line[(name.Length + 2)..];
        }

        return null;
    }

    /// <summary>Keeps the last line, and one that says that a handler failed.</summary>
    private sealed class LastLines : ILoggerFactory, ILogger
    {
        private string? _failure;

        public string Last { get; private set; } = "";

        /// <summary>The line of a handler that failed since the last call; null when none did.</summary>
        public string? TakeFailure() => Interlocked.Exchange(ref _failure, null);

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel < LogLevel.Warning) return;
            Last = formatter(state, exception);
            if (Last.Contains("(code=internal)", StringComparison.Ordinal)) _failure = Last;
        }
    }
}
