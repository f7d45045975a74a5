using System.Globalization;
using System.Runtime.InteropServices;

namespace EstProv.Platform.Tests;

public sealed class LockedSecretTests
{
    [TestCase(4)]
    [TestCase(10_000)] // over a page's end
    public void A_secret_is_in_no_core_dump_and_not_in_swap(int length)
    {
        using var secret = new LockedSecret(length);
        Assert.That(secret.IsLocked, Is.True, "RLIMIT_MEMLOCK leaves room for it");
        foreach (var at in (int[])[0, length - 1])
        {
            // dd: not dumped; lo: locked (proc_pid_smaps(5))
            var flags = FlagsAt(Marshal.UnsafeAddrOfPinnedArrayElement(secret.Bytes, at));
            Assert.That(flags, Does.Contain("dd").And.Contains("lo"));
        }
    }

    [Test]
    public void A_secret_is_zeroed_when_it_is_disposed_of_and_where_it_is_cut_off()
    {
        var secret = new LockedSecret(8);
        secret.Span.Fill(1);
        secret.Truncate(3);
        Assert.That(secret.Bytes, Is.EqualTo(new byte[] { 1, 1, 1, 0, 0, 0, 0, 0 }));
        var copy = secret.Clone();
        secret.Dispose();
        Assert.That(secret.Bytes, Is.All.Zero);
        Assert.That(copy.Span.ToArray(), Is.EqualTo(new byte[] { 1, 1, 1 }));
        Assert.That(copy.ToString(), Is.EqualTo("(secret)"));
        copy.Dispose();
        Assert.That(copy.Bytes, Is.All.Zero);
    }

    private static string[] FlagsAt(nint address)
    {
        var within = false;
        foreach (var line in File.ReadLines("/proc/self/smaps"))
        {
            var dash = line.IndexOf('-');
            var space = line.IndexOf(' ');
            if (dash > 0 && dash < space && ulong.TryParse(line.AsSpan(0, dash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var from))
                within = (ulong)address >= from && (ulong)address < ulong.Parse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            else if (within && line.StartsWith("VmFlags:", StringComparison.Ordinal))
                return line[8..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }

        throw new InvalidOperationException("the address is in no mapping");
    }
}
