using Tomlyn.Syntax;

namespace EstProv.Configuration.Toml;

/// <summary>
/// The parser's diagnostics in our words: its own quote what they stumble over, which may be part of a PIN that lost its quotes.
/// </summary>
internal static class TomlSyntaxErrors
{
    /// <summary>The first error of each line; what follows an unclosed quote or header is the parser being lost, and is left out.</summary>
    public static void Report(DiagnosticsBag diagnostics, string file, Problems problems)
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
            if (start.Line <= after) continue;
            var (message, hint, lostLines) = Explain(error.Message);
            problems.Error(new Position(file, start.Line + 1, start.Column + 1), message, hint);
            if (lostLines < 0) return;
            after = start.Line + lostLines;
        }
    }

    private static (string Message, string Hint, int LostLines) Explain(string message)
    {
        if (Has(message, "newline in a string") || Has(message, "End-Of-File found on string"))
        {
            return ("a string is not closed", "end it with the quote that it began with", -1);
        }

        if (Has(message, "expecting `]`")) return ("a table's header is not closed", "write [table] or [[table]], alone on its line", 1);
        if (Has(message, "escape character"))
        {
            return ("a string has an unknown escape after \\", "write \\\\ for a backslash, or put the string in single quotes", 0);
        }

        if (Has(message, "control character")) return ("a string has a control character", "write it as \\u and four hexadecimal digits", 0);
        if (Has(message, "expecting a value") || Has(message, "for a value"))
        {
            return ("no value that TOML knows", "strings stand in quotes: key = \"value\"", 0);
        }

        if (Has(message, "Expecting `=`")) return ("a key has no = after it", "write key = \"value\"; a key with a space or a dot in it stands in quotes", 0);
        if (Has(message, "Unable to parse")) return ("not a number or date that TOML knows", "strings stand in quotes: key = \"value\"", 0);
        if (Has(message, "expecting token `newline`"))
        {
            return ("more text than one key and value on a line", "strings stand in quotes, and each key on a line of its own", 0);
        }

        return ("not TOML", "the syntax is described at https://toml.io", 0);
    }

    private static bool Has(string message, string part) => message.Contains(part, StringComparison.Ordinal);
}
