using System.Globalization;
using System.Text;
using EstProv.Configuration.Certd;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Certificates.Distrust;

/// <summary>
/// <c>HOMEDIR/distrusted</c>: since when which CA is distrusted, so that each certificate's turn stays the same over restarts. One line each:
/// start, seconds, where from, whether the start was a believed time, name; parted by tabulators.
/// </summary>
internal static class DistrustFile
{
    private const string Opening = "EstProv-File: 1", Closing = "End-Of-File";
    private const int Fields = 5;

    public static byte[] Write(IReadOnlyList<DistrustEntry> entries)
    {
        var text = new StringBuilder(Opening).Append('\n');
        foreach (var entry in entries)
        {
            text.Append(Utc.Format(entry.Since)).Append('\t').Append(((long)entry.Over.TotalSeconds).ToString(CultureInfo.InvariantCulture)).Append('\t')
                .Append(entry.Configured ? "configured" : "command").Append('\t').Append(entry.Settled ? "settled" : "floor").Append('\t').Append(entry.Name).Append('\n');
        }

        return Encoding.UTF8.GetBytes(text.Append(Closing).Append('\n').ToString());
    }

    /// <exception cref="ProblemException"><c>store_damaged</c>: not written by us, or torn.</exception>
    public static List<DistrustEntry> Read(string path, string text)
    {
        var lines = text.Split('\n');
        if (lines.Length < 3 || lines[0] != Opening || lines[^2] != Closing || lines[^1].Length > 0) throw Damaged(path);
        var entries = new List<DistrustEntry>();
        foreach (var line in lines.AsSpan(1, lines.Length - 3)) entries.Add(Entry(line.Split('\t')) ?? throw Damaged(path));
        return entries;
    }

    private static DistrustEntry? Entry(string[] fields)
    {
        if (fields.Length != Fields || Utc.Parse(fields[0]) is not { } since || IssuerName.Parse(fields[4]) is not { } name) return null;
        return long.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= TimeSpan.MaxValue.TotalSeconds / 2
            ? new DistrustEntry(name, since, TimeSpan.FromSeconds(seconds), fields[2] == "configured", fields[3] == "settled")
            : null;
    }

    private static ProblemException Damaged(string path) =>
        new("store_damaged", $"{path} is not a list of distrusted CAs, or damaged", "remove it, and say again with estprov distrust what is distrusted");
}
