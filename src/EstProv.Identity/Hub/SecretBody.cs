using System.Buffers;
using System.Security.Cryptography;

namespace EstProv.Identity.Hub;

/// <summary>
/// A request's body with a key in it: one buffer that never grows, so that no copy stays behind, and that is zeroed when it is given up.
/// </summary>
internal sealed class SecretBody : IBufferWriter<byte>, IDisposable
{
    // The names are limited to 128 characters each, of which each may become six in JSON.
    private const int Room = 4096;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(Room, pinned: true);

    public int Length { get; private set; }

    public ReadOnlyMemoryContent Content => new(_bytes.AsMemory(0, Length));

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Room - Length);
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => _bytes.AsMemory(Checked(sizeHint));

    public Span<byte> GetSpan(int sizeHint = 0) => _bytes.AsSpan(Checked(sizeHint));

    public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);

    private int Checked(int sizeHint)
        => Room - Length >= Math.Max(sizeHint, 1) ? Length : throw new InvalidOperationException("the body is too long");
}
