using System.Runtime.InteropServices;

namespace EstProv.LocalApi.Interop;

/// <summary>
/// epoll(7), one event at a time, so that several threads can share the waiting: the kernel wakes one of them for each event. Every
/// registration but the wake-up is one-shot and has to be armed again.
/// </summary>
internal sealed unsafe class EventPoll : IDisposable
{
    /// <summary>The token of the wake-up.</summary>
    public const ulong WakeToken = ulong.MaxValue;

    private const uint Readable = 1, HungUp = 0x10;
    private const uint OneShot = 1u << 30;
    private const int Add = 1, Modify = 3, CloseOnExec = 0x80000;

    // struct epoll_event is packed on x86-64 only.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    private readonly int _poll;
    private readonly int _wake;

    /// <param name="socketPath">What is served by it, for messages.</param>
    /// <exception cref="Platform.ProblemException"><c>too_many_files</c>.</exception>
    public EventPoll(string socketPath)
    {
        _poll = Libc.EpollCreate(CloseOnExec);
        _wake = Libc.EventDescriptor(0, CloseOnExec);
        if (_poll < 0 || _wake < 0)
        {
            throw new Platform.ProblemException("too_many_files", $"no descriptor is left to serve {socketPath}", "raise LimitNOFILE= of the unit");
        }

        Control(Add, _wake, Readable, WakeToken);
    }

    /// <summary>Starts to watch a descriptor for input.</summary>
    public bool Watch(int descriptor, ulong token) => Control(Add, descriptor, Readable | OneShot, token);

    public void Arm(int descriptor, ulong token) => Control(Modify, descriptor, Readable | OneShot, token);

    /// <summary>One event when the peer has closed both directions; EPOLLHUP needs no wish.</summary>
    public void ArmForHangUp(int descriptor, ulong token) => Control(Modify, descriptor, OneShot, token);

    /// <summary>Waits for one event; false after <paramref name="milliseconds"/> (-1: never) or a signal.</summary>
    /// <param name="hungUp">The peer has closed both directions: nobody reads an answer.</param>
    public bool Wait(int milliseconds, out ulong token, out bool hungUp)
    {
        var buffer = stackalloc byte[16];
        if (Libc.EpollWait(_poll, buffer, 1, milliseconds) <= 0)
        {
            (token, hungUp) = (0, false);
            return false;
        }

        hungUp = (*(uint*)buffer & HungUp) != 0;

        token = MemoryMarshal.Read<ulong>(new ReadOnlySpan<byte>(buffer + DataOffset, 8));
        return true;
    }

    /// <summary>Wakes every waiting thread, now and whenever one waits again.</summary>
    public void WakeForEver()
    {
        ulong one = 1;
        _ = Libc.Write(_wake, (byte*)&one, 8);
    }

    public void Dispose()
    {
        _ = Libc.Close(_wake);
        _ = Libc.Close(_poll);
    }

    private bool Control(int operation, int descriptor, uint events, ulong token)
    {
        var change = stackalloc byte[16];
        *(uint*)change = events;
        MemoryMarshal.Write(new Span<byte>(change + DataOffset, 8), token);
        return Libc.EpollControl(_poll, operation, descriptor, change) == 0;
    }
}
