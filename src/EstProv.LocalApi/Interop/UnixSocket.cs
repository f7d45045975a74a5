using System.Runtime.InteropServices;
using System.Text;
using EstProv.LocalApi.Server;

namespace EstProv.LocalApi.Interop;

/// <summary>
/// Unix sockets by descriptor. The constants are those of Linux's generic headers, which x86-64 and arm64 share.
/// </summary>
internal static unsafe class UnixSocket
{
    /// <summary>The longest path that fits into <c>sockaddr_un</c> with its terminating NUL.</summary>
    public const int LongestPath = 107;

    public const int StreamType = 1, DatagramType = 2;
    private const int UnixDomain = 1, CloseOnExec = 0x80000, NonBlockingType = 0x800;
    private const int SocketLevel = 1, OptionType = 3, OptionPeerCredentials = 17, OptionReceiveTimeout = 20, OptionSendTimeout = 21;
    private const int OptionAcceptsConnections = 30, OptionDomain = 39;
    private const int DontWait = 0x40, NoSignal = 0x4000;
    private const int SetDescriptorFlags = 2, GetStatusFlags = 3, SetStatusFlags = 4, DescriptorCloseOnExec = 1;

    /// <summary>A new socket, closed on exec; -1 and errno when the process has too many.</summary>
    public static int Create(int type) => Libc.Socket(UnixDomain, type | CloseOnExec, 0);

    /// <summary>Fills a <c>sockaddr_un</c> of 110 bytes; a leading '@' means an abstract name. 0 when the path does not fit.</summary>
    public static uint Address(string path, Span<byte> address)
    {
        address.Clear();
        var bytes = Encoding.UTF8.GetByteCount(path);
        if (bytes is 0 or > LongestPath) return 0;
        MemoryMarshal.Write(address, (ushort)UnixDomain);
        Encoding.UTF8.GetBytes(path, address[2..]);
        if (path[0] != '@') return (uint)(2 + bytes + 1);
        address[2] = 0;
        return (uint)(2 + bytes);
    }

    /// <summary>0, or errno.</summary>
    public static int Connect(int descriptor, string path)
    {
        Span<byte> address = stackalloc byte[110];
        var length = Address(path, address);
        if (length == 0) return Errno.InvalidArgument;
        fixed (byte* pointer = address)
        {
            while (Libc.Connect(descriptor, pointer, length) != 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error != Errno.Interrupted) return error;
            }
        }

        return 0;
    }

    /// <summary>0, or errno.</summary>
    public static int Bind(int descriptor, string path)
    {
        Span<byte> address = stackalloc byte[110];
        var length = Address(path, address);
        if (length == 0) return Errno.InvalidArgument;
        fixed (byte* pointer = address)
        {
            return Libc.Bind(descriptor, pointer, length) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>The path that a socket is bound to; null when it has none.</summary>
    public static string? PathOf(int descriptor)
    {
        Span<byte> address = stackalloc byte[110];
        var length = (uint)address.Length;
        fixed (byte* pointer = address)
        {
            if (Libc.GetSocketName(descriptor, pointer, &length) != 0 || length <= 2 || address[2] == 0) return null;
        }

        var path = address[2..(int)Math.Min(length, 110)];
        var end = path.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? path : path[..end]);
    }

    /// <summary>A connection, closed on exec and blocking; -1 and errno.</summary>
    public static int Accept(int listener) => Libc.Accept(listener, null, null, CloseOnExec);

    /// <summary>Bytes read, 0 at the end, or minus errno. Interrupted reads go on.</summary>
    public static int Receive(int descriptor, Span<byte> buffer, bool wait)
    {
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                var count = Libc.Receive(descriptor, pointer, (nuint)buffer.Length, wait ? 0 : DontWait);
                if (count >= 0) return (int)count;
                var error = Marshal.GetLastPInvokeError();
                if (error != Errno.Interrupted) return -error;
            }
        }
    }

    /// <summary>Bytes sent, or minus errno; never raises SIGPIPE.</summary>
    public static int Send(int descriptor, ReadOnlySpan<byte> data, bool wait)
    {
        fixed (byte* pointer = data)
        {
            while (true)
            {
                var count = Libc.Send(descriptor, pointer, (nuint)data.Length, NoSignal | (wait ? 0 : DontWait));
                if (count >= 0) return (int)count;
                var error = Marshal.GetLastPInvokeError();
                if (error != Errno.Interrupted) return -error;
            }
        }
    }

    /// <summary>How long a blocking receive and a blocking send (and connect) wait; they end with EAGAIN then.</summary>
    public static void SetTimeouts(int descriptor, TimeSpan receive, TimeSpan send)
    {
        SetTimeout(descriptor, OptionReceiveTimeout, receive);
        SetTimeout(descriptor, OptionSendTimeout, send);
    }

    /// <summary>SO_PEERCRED: of whoever connected, or, on the connecting side, of whoever called listen(2) last.</summary>
    public static PeerCredentials Peer(int descriptor)
    {
        Span<uint> credentials = stackalloc uint[3];
        uint length = 12;
        fixed (uint* pointer = credentials)
        {
            if (Libc.GetSocketOption(descriptor, SocketLevel, OptionPeerCredentials, pointer, &length) != 0 || length != 12)
            {
                return new PeerCredentials(uint.MaxValue, uint.MaxValue, 0);
            }
        }

        return new PeerCredentials(credentials[1], credentials[2], (int)credentials[0]);
    }

    /// <summary>Whether a descriptor is a Unix stream socket that listens.</summary>
    public static bool IsListener(int descriptor)
        => Option(descriptor, OptionDomain) == UnixDomain && Option(descriptor, OptionType) == StreamType && Option(descriptor, OptionAcceptsConnections) == 1;

    /// <summary>Whether a descriptor is a Unix stream socket that does not listen.</summary>
    public static bool IsConnection(int descriptor)
        => Option(descriptor, OptionDomain) == UnixDomain && Option(descriptor, OptionType) == StreamType && Option(descriptor, OptionAcceptsConnections) == 0;

    public static void SetNonBlocking(int descriptor)
        => _ = Libc.FileControl(descriptor, SetStatusFlags, Libc.FileControl(descriptor, GetStatusFlags, 0) | NonBlockingType);

    public static void SetCloseOnExec(int descriptor) => _ = Libc.FileControl(descriptor, SetDescriptorFlags, DescriptorCloseOnExec);

    /// <summary>Waits without a descriptor, for the rare places that must.</summary>
    public static void Pause(int milliseconds) => _ = Libc.Poll(null, 0, milliseconds);

    private static int Option(int descriptor, int option)
    {
        int value = 0;
        uint length = 4;
        return Libc.GetSocketOption(descriptor, SocketLevel, option, &value, &length) == 0 ? value : -1;
    }

    private static void SetTimeout(int descriptor, int option, TimeSpan time)
    {
        // struct timeval of 64-bit Linux; zero would mean for ever.
        var microseconds = Math.Max(1000, (long)time.TotalMicroseconds);
        Span<long> value = [microseconds / 1_000_000, microseconds % 1_000_000];
        fixed (long* pointer = value) _ = Libc.SetSocketOption(descriptor, SocketLevel, option, pointer, 16);
    }
}
