using System.Net.Sockets;
using System.Text;

namespace EstProv.LocalApi.Tests.Support;

/// <summary>Sends bytes as they are, and reads answers by their Content-Length.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<byte> _pending = [];

    public RawClient(string path)
    {
        _socket.ReceiveTimeout = _socket.SendTimeout = 20_000;
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    public Socket Socket => _socket;

    public static string Get(string path, string more = "") => $"GET {path}?api-version=2020-09-01 HTTP/1.1\r\nHost: x\r\n{more}\r\n";

    /// <summary>The body is sent as UTF-8.</summary>
    public static string Post(string path, string body, string more = "")
        => $"POST {path}?api-version=2020-09-01 HTTP/1.1\r\nHost: x\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{more}\r\n{Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(body))}";

    public RawClient Send(string text)
    {
        _socket.Send(Encoding.Latin1.GetBytes(text));
        return this;
    }

    /// <summary>Sends what the server may refuse to read to its end.</summary>
    public RawClient TrySend(string text)
    {
        try
        {
            return Send(text);
        }
        catch (SocketException)
        {
            return this;
        }
    }

    public RawAnswer Read()
    {
        int end;
        while ((end = Text.IndexOf("\r\n\r\n", StringComparison.Ordinal)) < 0)
        {
            if (!Fill()) throw new EndOfStreamException($"closed after '{Text}'");
        }

        var head = Text[..end];
        var lines = head.Split("\r\n");
        var lengthLine = lines.FirstOrDefault(line => line.StartsWith("Content-Length: ", StringComparison.Ordinal));
        var length = lengthLine is null ? 0 : int.Parse(lengthLine["Content-Length: ".Length..]);
        while (_pending.Count < end + 4 + length)
        {
            if (!Fill()) throw new EndOfStreamException($"closed after '{Text}'");
        }

        var body = _pending.GetRange(end + 4, length).ToArray();
        _pending.RemoveRange(0, end + 4 + length);
        return new RawAnswer(int.Parse(lines[0].Split(' ')[1]), lines[1..], Encoding.UTF8.GetString(body));
    }

    public RawAnswer Ask(string text) => Send(text).Read();

    /// <summary>Whether nothing more comes before the server closes.</summary>
    public bool IsClosed()
    {
        try
        {
            return _pending.Count == 0 && !Fill();
        }
        catch (SocketException cause) when (cause.SocketErrorCode == SocketError.ConnectionReset)
        {
            return true;
        }
    }

    public void Dispose() => _socket.Dispose();

    private string Text => Encoding.Latin1.GetString([.. _pending]);

    private bool Fill()
    {
        var buffer = new byte[65536];
        var count = _socket.Receive(buffer);
        _pending.AddRange(buffer.AsSpan(0, count));
        return count > 0;
    }
}

internal sealed record RawAnswer(int Status, string[] Headers, string Body)
{
    public string? Header(string name)
        => Headers.FirstOrDefault(line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..];
}
