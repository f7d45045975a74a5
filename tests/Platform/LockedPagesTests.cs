using System.Globalization;

namespace EstProv.Platform.Tests;

public sealed class LockedPagesTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(4096)]
    [TestCase(100_000)]
    public void There_is_room_for_what_was_asked_for_and_it_is_zero(int length)
    {
        using var pages = new LockedPages(length);
        Assert.That(pages.Bytes.Length, Is.GreaterThanOrEqualTo(length));
        Assert.That(pages.Bytes.ContainsAnyExcept((byte)0), Is.False);
        pages.Bytes.Fill(1);
        Assert.That(pages.Chars[^1], Is.EqualTo('\u0101'));
    }

    [Test]
    public unsafe void It_is_locked_and_in_no_core_dump_until_it_is_given_back()
    {
        var pages = new LockedPages(1);
        nint start;
        fixed (byte* first = pages.Bytes) start = (nint)first;
        Assert.That(FlagsOf(start), Does.Contain("lo").And.Contain("dd"));
        pages.Dispose();
        pages.Dispose();
        Assert.That(pages.Bytes.Length, Is.Zero);
    }

    // The flags of the mapping that an address is in, proc_pid_smaps(5).
    private static string[] FlagsOf(nint address)
    {
        var within = false;
        foreach (var line in File.ReadLines("/proc/self/smaps"))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0].Split('-') is [var from, var to])
                within = long.Parse(from, NumberStyles.HexNumber, CultureInfo.InvariantCulture) <= address && address < long.Parse(to, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            else if (within && words[0] == "VmFlags:") return words;
        }

        return [];
    }
}
