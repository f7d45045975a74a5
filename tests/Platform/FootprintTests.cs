namespace EstProv.Platform.Tests;

public sealed class FootprintTests
{
    // As proc_pid_smaps(5) has it, with fewer fields.
    private const string Smaps = """
        00400000-0040f000 r--p 00000000 fe:00 11 /usr/bin/estprov
        Rss:                  60 kB
        Anonymous:             0 kB
        Swap:                  0 kB
        0040f000-0085f000 r-xp 0000f000 fe:00 11 /usr/bin/estprov
        Anonymous:             0 kB
        Swap:                  0 kB
        7f0000000000-7f0000010000 r--p 00000000 fe:00 12 /usr/lib/relocated.so
        Anonymous:            64 kB
        Swap:                  0 kB
        7f0000020000-7f0000030000 r-xp 00000000 fe:00 13 /usr/lib/swapped.so
        Anonymous:             0 kB
        Swap:                  4 kB
        7f0000040000-7f0000050000 rw-p 00000000 fe:00 13 /usr/lib/written.so
        Anonymous:             0 kB
        Swap:                  0 kB
        7f0000060000-7f0000070000 r--p 00000000 00:00 0
        Anonymous:             0 kB
        Swap:                  0 kB
        7f0000080000-7f0000090000 r-xp 00000000 fe:00 14 /usr/lib/old-kernel.so
        Rss:                  60 kB
        7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0 [vdso]
        Anonymous:             0 kB
        Swap:                  0 kB
        """;

    [Test]
    public void Only_what_the_file_can_give_back_is_dropped() =>
        Assert.That(Footprint.CleanCode(Smaps.Split('\n')), Is.EqualTo(new[] { (0x400000UL, 0xF000UL), (0x40F000UL, 0x450000UL) }));

    /// <summary>What a library is mapped as while it is loaded, and what was mapped in between, stays: its tables would be lost.</summary>
    [Test]
    public void Only_what_has_stayed_as_it_was_is_dropped() => Assert.That(
        Footprint.InBoth([(0x400000, 0xF000), (0x7f0000000000, 0x9000)], [(0x400000, 0xF000), (0x7f0000000000, 0x4000), (0x7f0000010000, 0x1000)]),
        Is.EqualTo(new[] { (0x400000UL, 0xF000UL) }));

    [Test]
    public void A_process_that_gave_back_its_code_goes_on()
    {
        Footprint.Trim(Footprint.Look());
        Assert.That(string.Join(' ', Enumerable.Range(1, 5)), Is.EqualTo("1 2 3 4 5"));
    }
}
