using EstProv.LocalApi;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys;

/// <summary>
/// Ends a call of the token's module that never returns: nothing can cancel it but the end of its thread, so the daemon starts itself anew
/// in the same process, with its sockets. At a bounded pace, should the module always hang.
/// </summary>
internal sealed partial class HangRestart : IDisposable
{
    private readonly DaemonContext _context;
    private readonly ILogger _logger;
    private readonly RestartPace _pace;
    private readonly CancellationTokenSource _ended;
    private int _wanted;
    private int _refusalLogged;

    public HangRestart(DaemonContext context, ILogger logger)
    {
        _context = context;
        _logger = logger;
        _pace = new RestartPace(Environment.GetEnvironmentVariable(RestartPace.Variable));
        _ended = CancellationTokenSource.CreateLinkedTokenSource(context.Stopping);
    }

    /// <summary>The daemon is to stop, or to start anew.</summary>
    public CancellationToken Ended => _ended.Token;

    public bool IsWanted => Volatile.Read(ref _wanted) == 1 && !_context.Stopping.IsCancellationRequested;

    /// <summary>A call hangs. Returns at once; called again as long as it does.</summary>
    public void Want()
    {
        if (_context.Replace is null || !_pace.MayRestart(Environment.TickCount64))
        {
            if (Interlocked.Exchange(ref _refusalLogged, 1) == 0) Log.TooOften(_logger);
            return;
        }

        if (Interlocked.Exchange(ref _wanted, 1) == 1) return;
        Log.Hangs(_logger);
        // On another thread: whoever calls is answering requests.
        ThreadPool.UnsafeQueueUserWorkItem(static ended => ended.Cancel(), _ended, preferLocal: false);
    }

    /// <summary>Starts the daemon anew; does not return.</summary>
    /// <exception cref="ProblemException"><c>restart_failed</c>: systemd has to do it.</exception>
    public void Restart(LocalServer server)
    {
        var sockets = server.HandOver();
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [SocketHandover.Variable] = sockets.ToString(),
            [RestartPace.Variable] = _pace.Next(Environment.TickCount64),
        };
        var error = _context.Replace!(variables, sockets.Descriptors);
        throw new ProblemException("restart_failed", $"the Key Service could not start itself anew (error {error})",
            "its own executable and /proc must be accessible to it; systemd restarts it instead");
    }

    public void Dispose() => _ended.Dispose();

    private static partial class Log
    {
        [LoggerMessage(6, LogLevel.Error, "a call of the PKCS#11 module does not return; the daemon starts itself anew with its sockets "
            + "(code=module_hangs; hint: check the token's device and its daemon)")]
        public static partial void Hangs(ILogger logger);

        [LoggerMessage(7, LogLevel.Error, "a call of the PKCS#11 module does not return again so soon after a restart; the next one waits "
            + "(code=module_hangs; hint: check the token's device and its daemon)")]
        public static partial void TooOften(ILogger logger);
    }
}
