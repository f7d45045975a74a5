using System.Globalization;
using System.Xml.Linq;
using EstProv.Fleet.Reports;
using EstProv.Fleet.Simulation;

namespace EstProv.Fleet.Tests;

public sealed class SvgPlotTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Test]
    public void A_plot_is_well_formed_and_higher_where_more_happens()
    {
        var day = TimeSpan.FromDays(1);
        var traffic = new Traffic(day);
        for (var i = 0; i < 36_000; i++) traffic.Count(i * 100L + 6 * 3_600_000);
        var plot = new SvgPlot("Tries & <more>", TimeSpan.Zero, day).Shade([new Outage(0.5 * day, 0.1 * day)]).Line("ours", "#000000", traffic).ToString();

        var root = XDocument.Parse(plot).Root!;
        Assert.That(root.Element(Svg + "title")!.Value, Is.EqualTo("Tries & <more>"));
        Assert.That(root.Elements(Svg + "rect").Count(), Is.EqualTo(2), "the paper and the outage");
        var points = root.Element(Svg + "polyline")!.Attribute("points")!.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(static point => point.Split(',').Select(static number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray()).ToList();
        var highest = points.OrderBy(static point => point[1]).First();
        Assert.That((highest[0] - 70) / 910 * 24, Is.InRange(6, 7.1), "the hour in which it happens");
        Assert.That(points, Has.All.Matches<double[]>(static point => point is [>= 70 and <= 980, >= 50 and <= 370]));
    }
}
