using System.Text;
using EstProv.Certificates.Renewal;

namespace EstProv.Fleet.Reports;

/// <summary>
/// One certificate's life by the product's own policy: where the window of the first try is, and when it is tried again while the server does
/// not answer. A picture for the page about renewal: the same at each drawing, without chance.
/// </summary>
internal static class Timeline
{
    private const int Width = 1000, Height = 300, Left = 190, Right = 30, Top = 60, RowHeight = 50, Life = 90, Days = 100;

    /// <summary>The middle: neither early nor late.</summary>
    private const double Middle = 0.5;

    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset s_end = s_start.AddDays(Life);

    public static string Draw()
    {
        var policy = RenewalPolicy.Default;
        var first = policy.FirstTry(s_start, s_end, s_start, Middle);
        var svg = new StringBuilder();
        svg.Append($"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{Height}\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">\n")
            .Append($"<title>A certificate of {Life} days</title>\n<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>\n")
            .Append($"<text x=\"{Left}\" y=\"20\" font-size=\"14\">A certificate of {Life} days: each tick is a try</text>\n");
        var (from, until) = (policy.FirstTry(s_start, s_end, s_start, 0), policy.FirstTry(s_start, s_end, s_start, 1));
        var rows = Height - Top - RowHeight;
        svg.Append($"<rect x=\"{X(from)}\" y=\"{Top - 20}\" width=\"{Length(until - from)}\" height=\"{rows + 10}\" fill=\"#e3ecf8\"/>\n")
            .Append($"<text x=\"{X(from)}\" y=\"{Top - 24}\" fill=\"#1f5fbf\">every device has a point of its own in here for its first try</text>\n")
            .Append($"<line x1=\"{X(s_end)}\" y1=\"{Top - 20}\" x2=\"{X(s_end)}\" y2=\"{Top + rows - 10}\" stroke=\"#c03020\" stroke-width=\"1.5\"/>\n")
            .Append($"<text x=\"{X(s_end)}\" y=\"{Top - 24}\" text-anchor=\"middle\" fill=\"#c03020\">expiry</text>\n");
        Row(svg, 0, "the server answers", [first], first);
        var (week, back) = Tries(policy, first, first.AddDays(7));
        Row(svg, 1, "it is away for a week", week, back);
        var (month, late) = Tries(policy, first, first.AddDays(30));
        Row(svg, 2, "it is away for a month", month, late);
        var (all, never) = Tries(policy, first, s_start.AddDays(Days - 2));
        Row(svg, 3, "until after expiry", all, never);
        Axis(svg);
        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>The tries that fail until <paramref name="answers"/>, and the one that does not.</summary>
    private static (List<DateTimeOffset> Failed, DateTimeOffset Renewed) Tries(RenewalPolicy policy, DateTimeOffset first, DateTimeOffset answers)
    {
        var failed = new List<DateTimeOffset>();
        var at = first;
        while (at < answers)
        {
            failed.Add(at);
            at += AttemptGap.OfRenewal(policy, failed.Count, s_start, s_end, at, Middle, null);
        }

        return (failed, at);
    }

    private static void Row(StringBuilder svg, int row, string name, List<DateTimeOffset> tries, DateTimeOffset renewed)
    {
        var y = Top + row * RowHeight;
        svg.Append($"<text x=\"{Left - 12}\" y=\"{y + 14}\" text-anchor=\"end\">{name}</text>\n")
            .Append($"<line x1=\"{X(s_start)}\" y1=\"{y + 10}\" x2=\"{X(s_end)}\" y2=\"{y + 10}\" stroke=\"#888888\" stroke-width=\"2\"/>\n<path stroke=\"#1f5fbf\" d=\"");
        foreach (var at in tries) svg.Append($"M{X(at)} {y + 2}v16");
        svg.Append($"\"/>\n<circle cx=\"{X(renewed)}\" cy=\"{y + 10}\" r=\"5\" fill=\"#2f8f3f\"/>\n");
        if (row == 0) svg.Append($"<text x=\"{Number(Coordinate(renewed) + 10)}\" y=\"{y + 2}\" fill=\"#2f8f3f\">proved, then put into use</text>\n");
        else svg.Append($"<text x=\"{X(s_start)}\" y=\"{y + 26}\" fill=\"#666666\">{tries.Count} tries in vain</text>\n");
    }

    private static void Axis(StringBuilder svg)
    {
        var y = Height - 40;
        svg.Append($"<line x1=\"{Left}\" y1=\"{y}\" x2=\"{Width - Right}\" y2=\"{y}\" stroke=\"black\"/>\n");
        for (var day = 0; day <= Days; day += 10)
            svg.Append($"<text x=\"{X(s_start.AddDays(day))}\" y=\"{y + 18}\" text-anchor=\"middle\">{day}</text>\n");
        svg.Append($"<text x=\"{Width - Right}\" y=\"{y + 34}\" text-anchor=\"end\">days since it was issued</text>\n");
    }

    private static string X(DateTimeOffset time) => Number(Coordinate(time));

    private static double Coordinate(DateTimeOffset time) => Left + Scaled(time - s_start);

    private static string Length(TimeSpan time) => Number(Scaled(time));

    private static double Scaled(TimeSpan time) => (Width - Left - Right) * time.TotalDays / Days;

    private static string Number(double value) => value.ToString("0.#", System.Globalization.CultureInfo.InvariantCulture);
}
