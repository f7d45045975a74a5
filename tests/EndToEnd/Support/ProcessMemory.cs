using System.Globalization;
using System.Text;

namespace EstProv.EndToEnd.Tests.Support;

/// <summary>Looks through all that a process has in memory. For root, whom PR_SET_DUMPABLE does not keep out.</summary>
internal static class ProcessMemory
{
    private const int Page = 1 << 20;

    /// <summary>How often a text stands there, in UTF-8 or UTF-16.</summary>
    public static int Count(int process, string text) => Find(process, text).Count;

    /// <summary>Where it stands.</summary>
    public static IReadOnlyList<Mapping> Find(int process, string text)
    {
        byte[][] forms = [Encoding.UTF8.GetBytes(text), Encoding.Unicode.GetBytes(text)];
        var overlap = forms[1].Length - 1;
        var buffer = new byte[overlap + Page];
        List<Mapping> found = [];
        using var memory = File.OpenHandle($"/proc/{process}/mem");
        foreach (var mapping in Mappings(process))
        {
            var (at, end) = (mapping.Start, mapping.End);
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
                foreach (var form in forms)
                {
                    for (var more = looked.Count(form) - looked[..kept].Count(form); more > 0; more--) found.Add(mapping);
                }

                kept = Math.Min(overlap, looked.Length);
                looked[^kept..].CopyTo(buffer);
            }
        }

        return found;
    }

    // proc_pid_smaps(5): a line for each mapping, as in maps, then lines about it, the last of which has its flags.
    private static List<Mapping> Mappings(int process)
    {
        List<Mapping> mappings = [];
        var line = "";
        foreach (var next in File.ReadAllLines($"/proc/{process}/smaps"))
        {
            if (char.IsAsciiHexDigitLower(next[0]))
            {
                line = next;
            }
            else if (next.StartsWith("VmFlags:", StringComparison.Ordinal))
            {
                var range = line[..line.IndexOf(' ')].Split('-');
                if (line[range[0].Length + range[1].Length + 2] == 'r') mappings.Add(new Mapping(line, Number(range[0]), Number(range[1]), next.Split(' ')[1..]));
            }
        }

        return mappings;
    }

    private static long Number(string hexadecimal) => (long)ulong.Parse(hexadecimal, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary>A mapping of the process.</summary>
    /// <param name="Line">As it stands in <c>/proc/PID/smaps</c>.</param>
    /// <param name="Flags">Such as <c>lo</c>: locked, <c>dd</c>: in no core dump.</param>
    public sealed record Mapping(string Line, long Start, long End, string[] Flags);
}
