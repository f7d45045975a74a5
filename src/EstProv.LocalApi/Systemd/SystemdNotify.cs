using System.Globalization;
using System.Text;
using EstProv.LocalApi.Interop;

namespace EstProv.LocalApi;

/// <summary>Tells systemd how the daemon is (sd_notify(3)); does nothing where NOTIFY_SOCKET is not set. Safe from any thread.</summary>
public sealed unsafe class SystemdNotify
{
    private readonly string? _socket;

    public SystemdNotify()
        : this(Environment.GetEnvironmentVariable("NOTIFY_SOCKET"), Environment.GetEnvironmentVariable("WATCHDOG_USEC"), Environment.GetEnvironmentVariable("WATCHDOG_PID"))
    {
    }

    internal SystemdNotify(string? socket, string? watchdogMicroseconds, string? watchdogProcess)
    {
        _socket = string.IsNullOrEmpty(socket) ? null : socket;
        var forUs = string.IsNullOrEmpty(watchdogProcess) || watchdogProcess == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        if (_socket is not null && forUs && long.TryParse(watchdogMicroseconds, out var microseconds) && microseconds > 0)
        {
            WatchdogInterval = TimeSpan.FromMicroseconds(microseconds) / 2;
        }
    }

    /// <summary>How often <see cref="KeepAlive"/> is due: half of what systemd allows; null when it watches nothing.</summary>
    public TimeSpan? WatchdogInterval { get; }

    /// <summary>The daemon serves. Type=notify units count as started from here on.</summary>
    public void Ready(string? status = null) => Send(status is null ? "READY=1" : $"READY=1\nSTATUS={OneLine(status)}");

    /// <summary>One line for <c>systemctl status</c>.</summary>
    public void Status(string status) => Send($"STATUS={OneLine(status)}");

    /// <summary>The daemon is going down by its own wish or by a signal.</summary>
    public void Stopping() => Send("STOPPING=1");

    /// <summary>WATCHDOG=1.</summary>
    public void KeepAlive() => Send("WATCHDOG=1");

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private void Send(string message)
    {
        if (_socket is null) return;
        Span<byte> address = stackalloc byte[110];
        var length = UnixSocket.Address(_socket, address);
        var descriptor = UnixSocket.Create(UnixSocket.DatagramType);
        if (descriptor < 0) return;
        const int DontWaitNoSignal = 0x4040;
        fixed (byte* to = address)
        fixed (byte* data = Encoding.UTF8.GetBytes(message))
        {
            // systemd's being busy or gone is no reason to stop or to wait.
            if (length > 0) _ = Libc.SendTo(descriptor, data, (nuint)Encoding.UTF8.GetByteCount(message), DontWaitNoSignal, to, length);
        }

        _ = Libc.Close(descriptor);
    }
}
