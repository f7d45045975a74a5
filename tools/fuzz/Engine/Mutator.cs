using System.Text;

namespace EstProv.Fuzz.Engine;

/// <summary>Makes an input of others: a few small damages, a word, a part of another input.</summary>
internal sealed class Mutator(Random random, IReadOnlyList<string> words, int longest)
{
    private readonly byte[][] _words = [.. words.Select(Encoding.UTF8.GetBytes)];

    /// <summary>A new input; never one of those given, and never longer than allowed.</summary>
    public byte[] Make(IReadOnlyList<byte[]> corpus)
    {
        var bytes = new List<byte>(corpus[random.Next(corpus.Count)]);
        var changes = 1 << random.Next(5);
        for (var i = 0; i < changes; i++) Change(bytes, corpus);
        if (bytes.Count > longest) bytes.RemoveRange(longest, bytes.Count - longest);
        return [.. bytes];
    }

    private void Change(List<byte> bytes, IReadOnlyList<byte[]> corpus)
    {
        var at = random.Next(bytes.Count + 1);
        switch (random.Next(12))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.Insert(at, (byte)random.Next(256));
                break;
            case 3:
                bytes.RemoveRange(at, Length(bytes.Count - at));
                break;
            case 4 when at < bytes.Count:
                // The same again, sometimes often: nesting, repetition, length.
                var part = bytes.GetRange(at, Length(bytes.Count - at));
                for (var times = random.Next(8) == 0 ? random.Next(2, 64) : 1; times > 0 && bytes.Count < longest; times--) bytes.InsertRange(at, part);
                break;
            case 5 when at < bytes.Count:
                var other = corpus[random.Next(corpus.Count)];
                var from = random.Next(other.Length + 1);
                bytes.InsertRange(at, other.AsSpan(from, Length(other.Length - from)).ToArray());
                break;
            case 6:
                var tail = corpus[random.Next(corpus.Count)];
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(tail.AsSpan(random.Next(tail.Length + 1)).ToArray());
                break;
            case 7:
                Digits(bytes, at);
                break;
            case 8 when at < bytes.Count:
                var word = Word();
                bytes.RemoveRange(at, Math.Min(word.Length, bytes.Count - at));
                bytes.InsertRange(at, word);
                break;
            default:
                bytes.InsertRange(at, Word());
                break;
        }
    }

    private byte[] Word() => _words[random.Next(_words.Length)];

    // Mostly short.
    private int Length(int most) => most <= 0 ? 0 : random.Next(3) == 0 ? random.Next(most + 1) : Math.Min(most, 1 + random.Next(8));

    /// <summary>Replaces the number nearest behind a place by one at a limit.</summary>
    private void Digits(List<byte> bytes, int at)
    {
        while (at < bytes.Count && bytes[at] is < (byte)'0' or > (byte)'9') at++;
        var end = at;
        while (end < bytes.Count && bytes[end] is >= (byte)'0' and <= (byte)'9') end++;
        if (end == at) return;
        bytes.RemoveRange(at, end - at);
        var value = random.Next(4) switch
        {
            0 => random.Next(300),
            1 => (1L << random.Next(63)) + random.Next(-1, 2),
            2 => long.MaxValue,
            _ => random.Next(),
        };
        bytes.InsertRange(at, Encoding.ASCII.GetBytes(value.ToString()));
    }
}
