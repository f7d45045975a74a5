using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Rescue;

/// <summary>
/// <c>HOMEDIR/rescues</c>: the serials of rescue files that were brought, until they have ended. One that came to nothing yet (a power cut, a server
/// that is away) may be brought again; one that has done its work, or was refused too often, may not.
/// </summary>
internal sealed class RescueRegister(string homedir, BelievedClock clock)
{
    private const string Opening = "EstProv-File: 1", Closing = "End-Of-File";
    private const int Most = 256, Fields = 4;

    private readonly string _file = Path.Combine(homedir, "rescues");
    private readonly Lock _gate = new();

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Entry(string Serial, DateTimeOffset NotAfter, bool IsUsed, int Refusals);

    /// <summary>Notes a serial before anything is done with it.</summary>
    /// <returns>How often it was refused so far.</returns>
    /// <exception cref="ProblemException"><c>rescue_used</c>, <c>rescue_too_many</c>, <c>store_damaged</c>; what the disk says.</exception>
    public int Open(RescueOrder order)
    {
        lock (_gate)
        {
            var entries = Read();
            if (entries.Find(entry => entry.Serial == order.Serial) is { Serial: not null } known) return known.IsUsed ? throw RescueProblems.Used(order.Serial) : known.Refusals;
            entries.RemoveAll(entry => clock.IsBelieved && entry.NotAfter < clock.Now);
            if (entries.Count >= Most) throw RescueProblems.Full();
            entries.Add(new Entry(order.Serial, order.NotAfter, false, 0));
            Write(entries);
            return 0;
        }
    }

    /// <summary>It has done its work, or may not try on.</summary>
    public void Close(string serial) => Change(serial, static entry => entry with { IsUsed = true });

    public void Refused(string serial) => Change(serial, static entry => entry with { Refusals = entry.Refusals + 1, IsUsed = entry.Refusals + 1 >= RescueGrant.MostRefusals });

    private void Change(string serial, Func<Entry, Entry> change)
    {
        lock (_gate)
        {
            var entries = Read();
            var at = entries.FindIndex(entry => entry.Serial == serial);
            if (at < 0) return;
            entries[at] = change(entries[at]);
            Write(entries);
        }
    }

    private List<Entry> Read()
    {
        try
        {
            if (!File.Exists(_file)) return [];
            var lines = File.ReadAllText(_file).Split('\n');
            // A register that cannot be read would let used files in again.
            if (lines.Length < 3 || lines[0] != Opening || lines[^2] != Closing) throw Damaged();
            var entries = new List<Entry>();
            foreach (var line in lines.AsSpan(1, lines.Length - 3)) entries.Add(Parse(line.Split('\t')));
            return entries;
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("file_read", $"cannot read {_file}, and without it no rescue file is taken",
                "check the file system and whose the file is: it must belong to the daemon's user (estprov-certd)", 500, cause);
        }
    }

    private Entry Parse(string[] fields) =>
        fields.Length == Fields && Utc.Parse(fields[0]) is { } end && int.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var refusals)
            ? new Entry(fields[3], end, fields[1] == "used", refusals)
            : throw Damaged();

    private void Write(List<Entry> entries)
    {
        var text = new StringBuilder(Opening).Append('\n');
        foreach (var entry in entries)
        {
            text.Append(Utc.Format(entry.NotAfter)).Append('\t').Append(entry.IsUsed ? "used" : "open").Append('\t')
                .Append(entry.Refusals.ToString(CultureInfo.InvariantCulture)).Append('\t').Append(entry.Serial).Append('\n');
        }

        AtomicFile.Write(_file, Encoding.UTF8.GetBytes(text.Append(Closing).Append('\n').ToString()));
    }

    private ProblemException Damaged() => new("store_damaged", $"{_file} is not a register of rescue files, or damaged",
        "make sure that no rescue file that was used is still valid, then remove it");
}
