using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace EstProv.Platform;

/// <summary>
/// Memory outside the collector's heap for text that a secret is part of: whole pages that are not swapped (mlock(2), where RLIMIT_MEMLOCK allows it) and
/// left out of core dumps (madvise(2) MADV_DONTDUMP). Zeroed and given back when it is disposed of. For a few at a time: each takes mappings of its own.
/// </summary>
public sealed unsafe class LockedPages : IDisposable
{
    private readonly nuint _size;
    private byte* _start;

    /// <param name="length">Bytes, at least; all zero.</param>
    /// <exception cref="IOException">The kernel gives none.</exception>
    public LockedPages(int length)
    {
        var page = (nuint)Environment.SystemPageSize;
        _size = ((nuint)Math.Max(length, 1) + page - 1) / page * page;
        var start = Libc.Map(0, _size, Libc.ReadWrite, Libc.PrivateAnonymous, -1, 0);
        if (start == -1) throw new IOException("no memory", Marshal.GetLastPInvokeError());
        _start = (byte*)start;
        _ = Libc.LockMemory(start, _size);
        _ = Libc.Advise(start, _size, Libc.DoNotDump);
    }

    public Span<byte> Bytes => new(_start, _start is null ? 0 : (int)_size);

    public Span<char> Chars => new(_start, _start is null ? 0 : (int)_size / sizeof(char));

    public void Dispose()
    {
        if (_start is null) return;
        CryptographicOperations.ZeroMemory(Bytes);
        _ = Libc.Unmap((nint)_start, _size);
        _start = null;
    }
}
