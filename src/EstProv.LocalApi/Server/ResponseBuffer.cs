using System.Buffers;
using System.Security.Cryptography;

namespace EstProv.LocalApi.Server;

/// <summary>A body that grows behind room for its head, so that both go out in one piece.</summary>
internal sealed class ResponseBuffer : IBufferWriter<byte>
{
    private const int Room = 1536, Initial = 4096, Kept = 64 * 1024;
    private byte[] _bytes = new byte[Initial];
    private int _end = Room;

    public int Length => _end - Room;

    /// <summary>No copy of it stays behind when it grows.</summary>
    public bool Secret { get; set; }

    /// <summary>Scratch space for the head; it is moved against the body by <see cref="Join"/>.</summary>
    public Span<byte> HeadRoom => _bytes.AsSpan(0, Room);

    public void Clear()
    {
        _end = Room;
        if (_bytes.Length > Kept) _bytes = new byte[Initial];
    }

    /// <summary>Zeroes all that was written.</summary>
    public void Wipe()
    {
        CryptographicOperations.ZeroMemory(_bytes);
        Clear();
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _bytes.Length - _end);
        _end += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(_end);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(_end);
    }

    public ReadOnlySpan<byte> Join(int headLength, bool withBody)
    {
        _bytes.AsSpan(0, headLength).CopyTo(_bytes.AsSpan(Room - headLength));
        return _bytes.AsSpan(Room - headLength, headLength + (withBody ? Length : 0));
    }

    private void Reserve(int wanted)
    {
        if (_bytes.Length - _end >= Math.Max(wanted, 1)) return;
        var old = _bytes;
        Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _end + wanted));
        if (Secret) CryptographicOperations.ZeroMemory(old);
    }
}
