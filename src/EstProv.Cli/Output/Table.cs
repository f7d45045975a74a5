using System.Text;

namespace EstProv.Cli.Output;

/// <summary>Columns as wide as their widest cell, two blanks apart; nothing is cut off.</summary>
internal sealed class Table(params string[] headings)
{
    private readonly List<(string[] Cells, Func<string, string>? Paint)> _rows = [];

    /// <param name="paint">Applied to the cell of the second column, the state.</param>
    public void Add(Func<string, string>? paint, params string[] cells) => _rows.Add((cells, paint));

    public void Write(Terminal terminal)
    {
        var widths = new int[headings.Length];
        for (var i = 0; i < widths.Length; i++)
        {
            widths[i] = headings[i].Length;
            foreach (var (cells, _) in _rows) widths[i] = Math.Max(widths[i], cells[i].Length);
        }

        terminal.Line(terminal.Strong(Row(headings, widths, null)));
        foreach (var (cells, paint) in _rows) terminal.Line(Row(cells, widths, paint));
    }

    private static string Row(string[] cells, int[] widths, Func<string, string>? paint)
    {
        var line = new StringBuilder();
        for (var i = 0; i < cells.Length; i++)
        {
            line.Append(i == 1 && paint is not null ? paint(cells[i]) : cells[i]);
            if (i < cells.Length - 1) line.Append(' ', widths[i] - cells[i].Length + 2);
        }

        return line.ToString().TrimEnd();
    }
}
