using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace EstProv.Fuzz.Engine;

/// <summary>
/// What instrumented code has run: a counter for each pair of branches, as AFL keeps them. SharpFuzz rewrites the assemblies to count here; without that
/// everything stays zero.
/// </summary>
internal sealed unsafe class Coverage
{
    private const int Size = 1 << 16;
    private static readonly byte* Map = Allocate();
    private readonly byte[] _seen = new byte[Size];

    /// <summary>Pairs of branches seen so far.</summary>
    public int Edges { get; private set; }

    /// <summary>Must be called before any instrumented code runs: it counts through a null pointer otherwise.</summary>
    public static void Prepare() => Trace.SharedMem = Map;

    public static void Begin()
    {
        new Span<byte>(Map, Size).Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Whether a pair of branches ran that never ran before, or one ran so many times more often that it counts as new.</summary>
    public bool HasNew()
    {
        for (var at = 0; at < Size; at += 8)
        {
            if (*(ulong*)(Map + at) == 0) continue;
            for (var i = at; i < at + 8; i++)
            {
                if ((Bucket(Map[i]) & ~_seen[i]) != 0) return true;
            }
        }

        return false;
    }

    /// <summary>Remembers what ran.</summary>
    public void Keep()
    {
        for (var i = 0; i < Size; i++)
        {
            if (Map[i] == 0) continue;
            if (_seen[i] == 0) Edges++;
            _seen[i] |= Bucket(Map[i]);
        }
    }

    // Loops count as 1, 2, 3, 4–7, 8–15, 16–31, 32–127, 128 and more.
    private static byte Bucket(byte count) => count switch
    {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };

    private static byte* Allocate() => (byte*)NativeMemory.AllocZeroed(Size);
}
