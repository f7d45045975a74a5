using System.Globalization;

namespace EstProv.Crash.Device;

/// <summary>What the program <c>cut</c> reports at its end; the lines stand at its head.</summary>
/// <param name="Killed">The call that was not made, null when the point was never reached.</param>
/// <param name="EndedAlone">A daemon that ended by itself, and its status.</param>
/// <param name="Images">The other ways in which a loss of power there could have left the device.</param>
internal sealed record CutReport(
    string? Killed, string? EndedAlone, IReadOnlyList<string> Images, IReadOnlyDictionary<(string Daemon, string Place), int> Counts)
{
    public static CutReport Parse(string report)
    {
        string? killed = null, ended = null;
        var images = new List<string>();
        var counts = new Dictionary<(string, string), int>();
        foreach (var line in report.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            switch (line.Split(' '))
            {
                case ["killed", ..]:
                    killed = line["killed ".Length..];
                    break;
                case ["ended", ..]:
                    ended = line["ended ".Length..];
                    break;
                case ["image", var way]:
                    images.Add(way);
                    break;
                case ["count", var daemon, var place, var number]:
                    counts[(daemon, place)] = int.Parse(number, CultureInfo.InvariantCulture);
                    break;
                default:
                    throw new HarnessException($"cut reports what nobody understands: {line}");
            }
        }

        return new CutReport(killed, ended, images, counts);
    }
}
