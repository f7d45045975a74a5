using System.Runtime.InteropServices;

namespace EstProv.Fuzz.Targets;

/// <summary>Two connected Unix sockets (socketpair(2)): what is written into one end is read at the other.</summary>
internal sealed partial class SocketPair : IDisposable
{
    private const int UnixDomain = 1, Stream = 1, ShutWrite = 1, NoSignal = 0x4000;

    public SocketPair()
    {
        Span<int> ends = stackalloc int[2];
        if (Create(UnixDomain, Stream, 0, ends) != 0) throw new IOException("socketpair failed");
        Near = ends[0];
        Far = ends[1];
    }

    public int Near { get; }

    public int Far { get; }

    public void Write(ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty) return;
        if (Send(Near, data, (nuint)data.Length, NoSignal) != data.Length) throw new IOException("the socket's buffer is full");
    }

    public void EndWriting() => _ = Shutdown(Near, ShutWrite);

    public void Dispose()
    {
        _ = Close(Near);
        _ = Close(Far);
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int Create(int domain, int type, int protocol, Span<int> ends);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int descriptor, ReadOnlySpan<byte> data, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    private static partial int Shutdown(int descriptor, int how);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
