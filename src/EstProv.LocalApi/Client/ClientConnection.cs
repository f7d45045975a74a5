using System.Diagnostics;
using System.Text;
using EstProv.LocalApi.Interop;

namespace EstProv.LocalApi.Client;

/// <summary>One keep-alive connection of a client; used by one thread at a time.</summary>
internal sealed class ClientConnection(int descriptor) : IDisposable
{
    private const int InitialBuffer = 2048, KeptBuffer = 16 * 1024;
    private byte[] _buffer = new byte[InitialBuffer];
    private int _descriptor = descriptor;
    private TimeSpan _timeout;

    /// <summary>Whether it has answered before: then its being closed says nothing about the server.</summary>
    public bool Used { get; private set; }

    /// <summary>Whether the last exchange left it ready for another.</summary>
    public bool IsReusable { get; private set; }

    /// <summary>Sends a request and reads its answer.</summary>
    public ExchangeResult Exchange(string method, string target, ReadOnlySpan<byte> body, string? contentType, string? accept, TimeSpan timeout)
    {
        IsReusable = false;
        SetTimeout(timeout);
        var begun = Stopwatch.GetTimestamp();
        var error = Send(Compose(method, target, body, contentType, accept));
        // A server that refuses early answers and closes before it has read everything.
        return error is 0 or Errno.BrokenPipe or Errno.ConnectionReset ? Receive(begun, timeout) : new ExchangeResult { Error = error, Untouched = true };
    }

    /// <summary>Zeroes what the last exchange has left in the buffer.</summary>
    public void Wipe() => Array.Clear(_buffer);

    public void Dispose()
    {
        if (_descriptor < 0) return;
        _ = Libc.Close(_descriptor);
        _descriptor = -1;
    }

    private ReadOnlySpan<byte> Compose(string method, string target, ReadOnlySpan<byte> body, string? contentType, string? accept)
    {
        var head = new StringBuilder(256).Append(method).Append(' ').Append(target).Append(" HTTP/1.1\r\nHost: localhost\r\n");
        if (contentType is not null) head.Append("Content-Type: ").Append(contentType).Append("\r\n");
        if (accept is not null) head.Append("Accept: ").Append(accept).Append("\r\n");
        if (!body.IsEmpty || method is not "GET") head.Append("Content-Length: ").Append(body.Length).Append("\r\n");
        var text = head.Append("\r\n").ToString();
        var length = text.Length + body.Length;
        if (_buffer.Length < length) _buffer = new byte[length];
        Encoding.ASCII.GetBytes(text, _buffer);
        body.CopyTo(_buffer.AsSpan(text.Length));
        return _buffer.AsSpan(0, length);
    }

    private int Send(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var count = UnixSocket.Send(_descriptor, data, wait: true);
            if (count < 0) return -count;
            data = data[count..];
        }

        return 0;
    }

    private ExchangeResult Receive(long begun, TimeSpan timeout)
    {
        var parser = new ReplyParser();
        var length = 0;
        while (true)
        {
            if (length == _buffer.Length) Array.Resize(ref _buffer, Math.Max(parser.TotalLength, _buffer.Length * 2));
            var count = UnixSocket.Receive(_descriptor, _buffer.AsSpan(length), wait: true);
            if (count <= 0) return new ExchangeResult { Error = count == 0 ? Errno.ConnectionReset : -count, Untouched = length == 0 };
            length += count;
            var complete = parser.Parse(_buffer.AsSpan(0, length), out var skipped, out var wrong);
            if (wrong is not null) return new ExchangeResult { Wrong = wrong };
            if (skipped > 0)
            {
                _buffer.AsSpan(skipped, length - skipped).CopyTo(_buffer);
                length -= skipped;
            }

            if (complete) return Finish(parser, length);
            if (Stopwatch.GetElapsedTime(begun) >= timeout) return new ExchangeResult { Error = Errno.TimedOut };
        }
    }

    private ExchangeResult Finish(ReplyParser parser, int length)
    {
        if (length > parser.TotalLength) return new ExchangeResult { Wrong = "more follows it than it announces" };
        var reply = new LocalReply(parser.Status, parser.Headers, parser.Body(_buffer.AsSpan(0, length)).ToArray());
        Used = true;
        IsReusable = !parser.Close;
        if (_buffer.Length > KeptBuffer) _buffer = new byte[InitialBuffer];
        return new ExchangeResult { Reply = reply };
    }

    private void SetTimeout(TimeSpan timeout)
    {
        if (timeout == _timeout) return;
        _timeout = timeout;
        UnixSocket.SetTimeouts(_descriptor, timeout, timeout);
    }
}
