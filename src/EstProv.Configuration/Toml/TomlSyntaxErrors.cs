using Tomlyn.Syntax;

namespace EstProv.Configuration.Toml;

/// <summary>
/// The parser's diagnostics in our words: its own quote what they stumble over, which may be part of a PIN that lost its quotes.
/// </summary>
internal static class TomlSyntaxErrors
{
    /// <summary>The first error of each line; what follows an unclosed quote or header is the parser being lost, and is left out.</summary>
    public static void Report(DiagnosticsBag diagnostics, string text, string file, Problems problems)
    {
        var errors = new List<DiagnosticMessage>();
        foreach (var diagnostic in diagnostics)
        {
            if (diagnostic.Kind == DiagnosticMessageKind.Error) errors.Add(diagnostic);
        }

        errors.Sort(static (a, b) => a.Span.Start.Offset.CompareTo(b.Span.Start.Offset));
        var after = -1;
        foreach (var error in errors)
        {
            var start = error.Span.Start;
            var (message, hint, lost) = Explain(error.Message);
            if (start.Line > after && (after < 0 || !IsBlankLine(text, start.Offset)))
            {
                problems.Error(new Position(file, start.Line + 1, start.Column + 1), message, hint);
            }

            if (lost == Lost.ToTheEnd) return;
            after = Math.Max(after, start.Line + (lost == Lost.NextLine ? 1 : 0));
        }
    }

    private enum Lost
    {
        ThisLine,
        NextLine,
        ToTheEnd,
    }

    private static bool IsBlankLine(string text, int offset)
    {
        offset = Math.Min(offset, text.Length);
        var line = text.AsSpan(text.AsSpan(0, offset).LastIndexOf('\n') + 1);
        var end = line.IndexOf('\n');
        return (end < 0 ? line : line[..end]).IsWhiteSpace();
    }

    private static (string Message, string Hint, Lost Lost) Explain(string message)
    {
        if (Has(message, "newline in a string") || Has(message, "End-Of-File found"))
        {
            return ("a string is not closed", "end it with the quote that it began with", Lost.ToTheEnd);
        }

        if (Has(message, "for an array")) return ("an array is not closed", "end it with ]", Lost.ToTheEnd);
        if (Has(message, "inline table")) return ("an inline table is not closed", "end it with }", Lost.ToTheEnd);
        if (Has(message, "expecting `]")) return ("a table's header is not closed", "write [table] or [[table]], alone on its line", Lost.NextLine);
        if (Has(message, "for a base key")) return ("a key is not complete", "its parts are letters, digits, - and _; others stand in quotes", Lost.NextLine);
        if (Has(message, "escape character"))
        {
            return ("a string has an unknown escape after \\", "write \\\\ for a backslash, or put the string in single quotes", Lost.ThisLine);
        }

        if (Has(message, "control character")) return ("a control character", "in a string, write it as \\u and four hexadecimal digits", Lost.ThisLine);
        if (Has(message, "expecting a value") || Has(message, "for a value")) return ("no value that TOML knows", Quotes, Lost.ThisLine);
        if (Has(message, "Expecting `=`"))
        {
            return ("a key has no = after it", "write key = \"value\"; a key with a space or a dot in it stands in quotes", Lost.ThisLine);
        }

        if (Has(message, "Unable to parse") || Has(message, "digit") || Has(message, "zero")) return ("not a number or date that TOML knows", Quotes, Lost.ThisLine);
        if (Has(message, "expecting token `newline`"))
        {
            return ("more text than one key and value on a line", "strings stand in quotes, and each key on a line of its own", Lost.ThisLine);
        }

        if (Has(message, "Unexpected token ["))
        {
            return ("neither a key nor a [table]", "a key's parts are letters, digits, - and _; others stand in quotes", Lost.ThisLine);
        }

        return ("not TOML", "the syntax is described at https://toml.io", Lost.ThisLine);
    }

    private const string Quotes = "strings stand in quotes: key = \"value\"";

    private static bool Has(string message, string part) => message.Contains(part, StringComparison.Ordinal);
}
