using System.Text;
using EstProv.Fleet.Simulation;

namespace EstProv.Fleet.Reports;

/// <summary>A line of a plot: attempts a second over time.</summary>
internal sealed record PlotLine(string Name, string Colour, Traffic Traffic);

/// <summary>Attempts a second over time, on a logarithmic scale, as an SVG 1.1 picture that needs no font, script or network.</summary>
internal sealed class SvgPlot(string title, TimeSpan from, TimeSpan until)
{
    private const int Width = 1000, Height = 420, Left = 70, Right = 20, Top = 50, Bottom = 50, MostParts = 900;
    private const int MostTicks = 12;
    private const int LineHeight = 18;
    private const double Least = 0.001, Most = 10_000;

    private readonly List<PlotLine> _lines = [];
    private readonly List<Outage> _outages = [];

    public SvgPlot Line(string name, string colour, Traffic traffic)
    {
        _lines.Add(new PlotLine(name, colour, traffic));
        return this;
    }

    public SvgPlot Shade(IEnumerable<Outage> outages)
    {
        _outages.AddRange(outages);
        return this;
    }

    public override string ToString()
    {
        var svg = new StringBuilder();
        svg.Append($"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{Height}\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">\n")
            .Append($"<title>{Escape(title)}</title>\n<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>\n")
            .Append($"<text x=\"{Left}\" y=\"20\" font-size=\"14\">{Escape(title)}: attempts a second</text>\n");
        var (low, high) = Range();
        foreach (var outage in _outages)
        {
            if (outage.Until < from || outage.From > until) continue;
            var (x, width) = (X(outage.From), Math.Max(1, X(outage.Until) - X(outage.From)));
            svg.Append($"<rect x=\"{x:0.#}\" y=\"{Top}\" width=\"{width:0.#}\" height=\"{Height - Top - Bottom}\" fill=\"#dddddd\"/>\n");
        }

        for (var value = low; value <= high * 1.01; value *= 10)
        {
            var y = Y(value, low, high);
            svg.Append($"<line x1=\"{Left}\" y1=\"{y:0.#}\" x2=\"{Width - Right}\" y2=\"{y:0.#}\" stroke=\"#bbbbbb\" stroke-width=\"0.5\"/>\n")
                .Append($"<text x=\"{Left - 8}\" y=\"{y + 4:0.#}\" text-anchor=\"end\">{value:0.####}</text>\n");
        }

        AppendTimes(svg);
        var legend = Top + LineHeight;
        foreach (var line in _lines)
        {
            AppendLine(svg, line, low, high);
            svg.Append($"<text x=\"{Width - Right - 8}\" y=\"{legend}\" text-anchor=\"end\" fill=\"{line.Colour}\">{Escape(line.Name)}</text>\n");
            legend += LineHeight;
        }

        return svg.Append("</svg>\n").ToString();
    }

    private void AppendTimes(StringBuilder svg)
    {
        var hours = (until - from).TotalDays <= 4;
        var length = hours ? (until - from).TotalHours : (until - from).TotalDays;
        var step = new double[] { 1, 2, 6, 12, 30, 90, 180, 365 }.First(step => length / step <= MostTicks || step >= 365);
        for (var at = 0.0; at <= length; at += step)
        {
            var time = from + (hours ? TimeSpan.FromHours(at) : TimeSpan.FromDays(at));
            var label = hours ? $"{time.TotalHours:0}" : $"{time.TotalDays:0}";
            svg.Append($"<line x1=\"{X(time):0.#}\" y1=\"{Height - Bottom}\" x2=\"{X(time):0.#}\" y2=\"{Height - Bottom + 5}\" stroke=\"black\"/>\n")
                .Append($"<text x=\"{X(time):0.#}\" y=\"{Height - Bottom + 20}\" text-anchor=\"middle\">{label}</text>\n");
        }

        svg.Append($"<line x1=\"{Left}\" y1=\"{Height - Bottom}\" x2=\"{Width - Right}\" y2=\"{Height - Bottom}\" stroke=\"black\"/>\n")
            .Append($"<text x=\"{Width - Right}\" y=\"{Height - 10}\" text-anchor=\"end\">{(hours ? "hours" : "days")} since the first device was made; outages are grey</text>\n");
    }

    private void AppendLine(StringBuilder svg, PlotLine line, double low, double high)
    {
        svg.Append($"<polyline fill=\"none\" stroke=\"{line.Colour}\" stroke-width=\"1.2\" points=\"");
        var rates = line.Traffic.Rates(from, until, Parts());
        for (var i = 0; i < rates.Length; i++)
        {
            var (x1, x2) = (X(from + (until - from) * (i / (double)rates.Length)), X(from + (until - from) * ((i + 1) / (double)rates.Length)));
            var y = Y(Math.Max(rates[i], low), low, high);
            svg.Append($"{x1:0.#},{y:0.#} {x2:0.#},{y:0.#} ");
        }

        svg.Append("\"/>\n");
    }

    /// <summary>Powers of ten around what is drawn.</summary>
    private (double Low, double High) Range()
    {
        var (low, high) = (Most, Least);
        foreach (var rate in _lines.SelectMany(line => line.Traffic.Rates(from, until, Parts())).Where(static rate => rate > 0))
            (low, high) = (Math.Min(low, rate), Math.Max(high, rate));

        // What is drawn at the foot is nothing at all, so the least that happens is drawn above it.
        low = Math.Pow(10, Math.Ceiling(Math.Log10(Math.Clamp(low, Least, Most))) - 1);
        return (low, Math.Pow(10, Math.Ceiling(Math.Log10(Math.Max(high, low * 10)))));
    }

    /// <summary>No part is shorter than a minute, which is how fine the counts are.</summary>
    private int Parts() => (int)Math.Clamp((until - from).TotalMinutes, 1, MostParts);

    private double X(TimeSpan time) => Left + (Width - Left - Right) * Math.Clamp((time - from) / (until - from), 0, 1);

    private static double Y(double value, double low, double high) =>
        Height - Bottom - (Height - Top - Bottom) * Math.Clamp(Math.Log10(value / low) / Math.Log10(high / low), 0, 1);

    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);
}
