using System.Globalization;
using System.Text;

namespace EstProv.LocalApi;

/// <summary>
/// What a daemon counts and measures, in Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Names end in
/// their unit; what is
/// only ever counted up ends in <c>_total</c>. What each means stands in the daemons' READMEs.
/// </summary>
public sealed class MetricsText
{
    internal const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();
    private string _name = "";

    /// <summary>A number that goes up and down.</summary>
    public MetricsText Gauge(string name, double value) => Begin(name, "gauge").Value(value);

    /// <summary>A number that goes up, until the daemon starts anew.</summary>
    public MetricsText Counter(string name, double value) => Begin(name, "counter").Value(value);

    /// <summary>Begins one of several values; each follows by <see cref="Of(string, string, double)"/>, and there may be none.</summary>
    /// <param name="type"><c>gauge</c> or <c>counter</c>.</param>
    public MetricsText Begin(string name, string type)
    {
        _name = name;
        _text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
        return this;
    }

    /// <summary>One value of the metric that was begun.</summary>
    /// <param name="text">Of the label; any text.</param>
    public MetricsText Of(string label, string text, double value)
    {
        _text.Append(_name).Append('{');
        return Label(label, text).Append("} ", value);
    }

    /// <summary>The same of two labels.</summary>
    public MetricsText Of(string label, string text, string second, string secondText, double value)
    {
        _text.Append(_name).Append('{');
        Label(label, text)._text.Append(',');
        return Label(second, secondText).Append("} ", value);
    }

    public override string ToString() => _text.ToString();

    private MetricsText Value(double value)
    {
        _text.Append(_name);
        return Append(" ", value);
    }

    private MetricsText Label(string label, string text)
    {
        _text.Append(label).Append("=\"");
        foreach (var c in text)
        {
            if (c is '\\' or '"') _text.Append('\\').Append(c);
            else if (c == '\n') _text.Append("\\n");
            else _text.Append(c);
        }

        _text.Append('"');
        return this;
    }

    private MetricsText Append(string before, double value)
    {
        _text.Append(before).Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
        return this;
    }
}
