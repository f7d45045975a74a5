using System.Globalization;
using System.Text;

namespace EstProv.EndToEnd.Tests.Support;

/// <summary>Looks through all that a process has in memory. For root, whom PR_SET_DUMPABLE does not keep out.</summary>
internal static class ProcessMemory
{
    private const int Page = 1 << 20;

    /// <summary>How often a text stands there, in UTF-8 or UTF-16.</summary>
    public static int Count(int process, string text)
    {
        byte[][] forms = [Encoding.UTF8.GetBytes(text), Encoding.Unicode.GetBytes(text)];
        var overlap = forms[1].Length - 1;
        var buffer = new byte[overlap + Page];
        var count = 0;
        using var memory = File.OpenHandle($"/proc/{process}/mem");
        foreach (var line in File.ReadAllLines($"/proc/{process}/maps"))
        {
            var range = line[..line.IndexOf(' ')].Split('-');
            if (line[range[0].Length + range[1].Length + 2] != 'r') continue;
            var (at, end) = (Number(range[0]), Number(range[1]));
            for (var kept = 0; at >= 0 && at < end;)
            {
                int read;
                try
                {
                    read = RandomAccess.Read(memory, buffer.AsSpan(kept, (int)Math.Min(Page, end - at)), at);
                }
                catch (IOException)
                {
                    break; // such as [vvar]
                }

                if (read == 0) break;
                at += read;
                var looked = buffer.AsSpan(0, kept + read);
                // What lies wholly in the part kept from before was counted then: it is shorter than the longer form.
                foreach (var form in forms) count += looked.Count(form) - looked[..kept].Count(form);
                kept = Math.Min(overlap, looked.Length);
                looked[^kept..].CopyTo(buffer);
            }
        }

        return count;
    }

    private static long Number(string hexadecimal) => (long)ulong.Parse(hexadecimal, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
