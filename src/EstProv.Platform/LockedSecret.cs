using System.Security.Cryptography;

namespace EstProv.Platform;

/// <summary>
/// A secret in memory that the collector does not move, so that no copy stays behind, that is not written to swap (mlock(2), where
/// RLIMIT_MEMLOCK allows it) and that the kernel leaves out of core dumps (madvise(2) MADV_DONTDUMP). Zeroed when it is disposed of.
/// </summary>
public sealed unsafe class LockedSecret : IDisposable
{
    private readonly byte[] _bytes;

    /// <param name="length">Bytes; 0 is allowed.</param>
    public LockedSecret(int length)
    {
        _bytes = GC.AllocateArray<byte>(Math.Max(length, 1), pinned: true);
        Length = length;
        fixed (byte* start = _bytes)
        {
            // Neither is ever taken back: a page may hold more than one secret, and it is used for the next.
            IsLocked = Libc.LockMemory((nint)start, (nuint)_bytes.Length) == 0;
            var page = (nint)start & ~(nint)(Environment.SystemPageSize - 1);
            _ = Libc.Advise(page, (nuint)((nint)start - page + _bytes.Length), Libc.DoNotDump);
        }
    }

    /// <summary>At least <see cref="Length"/> bytes, for interfaces that take an array.</summary>
    public byte[] Bytes => _bytes;

    public int Length { get; private set; }

    /// <summary>Whether the kernel keeps it out of swap.</summary>
    public bool IsLocked { get; }

    public Span<byte> Span => _bytes.AsSpan(0, Length);

    /// <summary>Makes it shorter; what is cut off is zeroed.</summary>
    public void Truncate(int length)
    {
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(length));
        Length = length;
    }

    public LockedSecret Clone()
    {
        var copy = new LockedSecret(Length);
        Span.CopyTo(copy.Span);
        return copy;
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);

    /// <summary>Nothing of the secret.</summary>
    public override string ToString() => "(secret)";
}
