using System.Security.Cryptography;
using EstProv.LocalApi.Interop;

namespace EstProv.LocalApi.Server;

internal enum ReadOutcome
{
    /// <summary>A whole request is there.</summary>
    Request,

    /// <summary>A part of a request is there; call again to wait for the rest, up to the deadline.</summary>
    Partial,

    /// <summary>Nothing has come.</summary>
    Idle,

    /// <summary>The client has closed, or the connection broke.</summary>
    Closed,

    /// <summary>See <see cref="RequestReader.Refusal"/>; the connection cannot be used further.</summary>
    Refused,
}

/// <summary>
/// Reads requests from one connection at a time into a buffer that belongs to the worker. What follows a request in the same read (pipelining)
/// stays for the next call.
/// </summary>
internal sealed class RequestReader(LocalServerOptions options, TimeProvider time, LocalRequest request)
{
    private const int InitialBuffer = 4096, KeptBuffer = 16 * 1024;
    private byte[] _buffer = new byte[InitialBuffer];
    private int _start;
    private int _end;
    private int _scanned;
    private int _headLength;
    private bool _partial;
    private bool _continued;
    private long _begun;

    public Refusal Refusal { get; private set; }

    /// <summary>Whether something stands behind the request that was read last.</summary>
    public bool HasMore => _end - _start > _headLength + request.Head.ContentLength;

    /// <summary>Forgets whatever an earlier connection left.</summary>
    public void Reset()
    {
        _start = _end = 0;
        Next();
        if (_buffer.Length > KeptBuffer) _buffer = new byte[InitialBuffer];
    }

    /// <summary>Nothing that was read waits to be looked at.</summary>
    public bool IsEmpty => _start == _end;

    /// <summary>Drops the request that was read last.</summary>
    public void Consume()
    {
        _start += _headLength + request.Head.ContentLength;
        Next();
    }

    /// <summary>Zeroes the body of the request that was read last.</summary>
    public void WipeBody() => CryptographicOperations.ZeroMemory(_buffer.AsSpan(_start + _headLength, request.Head.ContentLength));

    /// <param name="wait">Whether to wait, for the connection's receive timeout, for a request to begin.</param>
    public ReadOutcome Read(Connection connection, bool wait)
    {
        while (true)
        {
            if (_end > _start)
            {
                if (IsComplete())
                {
                    if (Refusal != Refusal.None) return ReadOutcome.Refused;
                    request.Begin(_buffer, _start, _buffer.AsMemory(_start + _headLength, request.Head.ContentLength), connection.Peer);
                    return ReadOutcome.Request;
                }

                if (!_partial)
                {
                    _partial = true;
                    _begun = time.GetTimestamp();
                    return ReadOutcome.Partial;
                }

                if (time.GetElapsedTime(_begun) >= options.RequestDeadline) return Refuse(Refusal.SlowSender);
                if (!SendContinue(connection)) return ReadOutcome.Closed;
            }

            MakeRoom();
            var count = UnixSocket.Receive(connection.Descriptor, _buffer.AsSpan(_end), wait || _partial);
            if (count > 0) _end += count;
            else if (count != -Errno.Again) return ReadOutcome.Closed;
            else if (_end == _start) return ReadOutcome.Idle;
        }
    }

    private void Next()
    {
        _scanned = _headLength = 0;
        _partial = _continued = false;
        Refusal = Refusal.None;
    }

    public ReadOutcome Refuse(Refusal refusal)
    {
        Refusal = refusal;
        return ReadOutcome.Refused;
    }

    /// <summary>True also when the request is refused already.</summary>
    private bool IsComplete()
    {
        if (_headLength == 0 && !ParseHead()) return Refusal != Refusal.None;
        return Refusal != Refusal.None || _end - _start - _headLength >= request.Head.ContentLength;
    }

    private bool ParseHead()
    {
        var data = _buffer.AsSpan(_start, _end - _start);
        var index = data[_scanned..].IndexOf("\r\n\r\n"u8);
        if (index < 0)
        {
            Refusal = JudgeIncomplete(data);
            _scanned = Math.Max(0, data.Length - 3);
            return false;
        }

        var length = _scanned + index + 4;
        if (length > options.MaxHeadBytes)
        {
            Refusal = Refusal.HeadTooLarge;
            return false;
        }

        Refusal = request.Head.Parse(data[..(length - 2)]);
        _headLength = length;
        return true;
    }

    /// <summary>What will never become a request is refused at once, not at the deadline.</summary>
    private Refusal JudgeIncomplete(ReadOnlySpan<byte> data)
    {
        if (!RequestHead.IsTokenByte(data[0])) return Refusal.BadRequestLine;
        var lineEnd = data.IndexOf((byte)'\n');
        if ((lineEnd < 0 ? data.Length : lineEnd) > options.MaxTargetBytes + 32) return Refusal.TargetTooLong;
        if (data.Length >= options.MaxHeadBytes) return Refusal.HeadTooLarge;
        for (var rest = data; lineEnd >= 0; lineEnd = rest.IndexOf((byte)'\n'))
        {
            if (lineEnd == 0 || rest[lineEnd - 1] != '\r') return Refusal.BadHeader;
            rest = rest[(lineEnd + 1)..];
        }

        return Refusal.None;
    }

    private bool SendContinue(Connection connection)
    {
        if (_continued || _headLength == 0 || !request.Head.ExpectsContinue) return true;
        _continued = true;
        return UnixSocket.Send(connection.Descriptor, "HTTP/1.1 100 Continue\r\n\r\n"u8, wait: true) > 0;
    }

    private void MakeRoom()
    {
        if (_start == _end) _start = _end = 0;
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            // It may become a secret body, and was copied: see WipeBody.
            CryptographicOperations.ZeroMemory(_buffer.AsSpan(_end - _start, _start));
            _end -= _start;
            _start = 0;
        }

        if (_end < _buffer.Length) return;
        var needed = _headLength == 0 ? options.MaxHeadBytes : _headLength + request.Head.ContentLength;
        var old = _buffer;
        Array.Resize(ref _buffer, Math.Max(needed, _buffer.Length + 1));
        CryptographicOperations.ZeroMemory(old);
    }
}
