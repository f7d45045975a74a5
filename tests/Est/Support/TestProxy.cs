using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EstProv.Est.Tests.Support;

/// <summary>An HTTP proxy on loopback that knows CONNECT, and takes every host for this machine.</summary>
internal sealed class TestProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Lock _gate = new();
    private readonly List<string> _heads = [];
    private readonly List<Socket> _open = [];
    private readonly string? _answer;

    /// <param name="answer">What is answered in place of a connection; null for one.</param>
    public TestProxy(string? answer = null)
    {
        _answer = answer;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public int Port { get; }

    /// <summary>What came, up to the empty line.</summary>
    public IReadOnlyList<string> Heads
    {
        get
        {
            lock (_gate) return [.. _heads];
        }
    }

    public void Dispose()
    {
        _listener.Stop();
        lock (_gate)
        {
            foreach (var socket in _open) socket.Dispose();
        }
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var client = _listener.AcceptSocket();
                lock (_gate) _open.Add(client);
                new Thread(() => Serve(client)) { IsBackground = true }.Start();
            }
        }
        catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            return;
        }
    }

    private void Serve(Socket client)
    {
        try
        {
            var head = ReadHead(client);
            lock (_gate) _heads.Add(head);
            if (_answer is not null)
            {
                client.Send(Encoding.Latin1.GetBytes(_answer));
                client.Dispose();
                return;
            }

            var target = head.Split(' ')[1];
            var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
            lock (_gate) _open.Add(server);
            server.Connect(IPAddress.Loopback, int.Parse(target[(target.LastIndexOf(':') + 1)..]));
            client.Send("HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n"u8);
            new Thread(() => Copy(server, client)) { IsBackground = true }.Start();
            Copy(client, server);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            client.Dispose();
        }
    }

    private static string ReadHead(Socket client)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (!Encoding.Latin1.GetString([.. head]).EndsWith("\r\n\r\n", StringComparison.Ordinal) && client.Receive(one) == 1) head.Add(one[0]);
        return Encoding.Latin1.GetString([.. head]);
    }

    private static void Copy(Socket from, Socket to)
    {
        try
        {
            var buffer = new byte[16 * 1024];
            for (int read; (read = from.Receive(buffer)) > 0;) to.Send(buffer.AsSpan(0, read));
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            return;
        }
    }
}
