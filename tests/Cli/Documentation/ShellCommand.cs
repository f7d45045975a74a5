namespace EstProv.Cli.Tests.Documentation;

/// <summary>A program and its arguments, as they stand in a page.</summary>
internal sealed record ShellCommand(string Page, int Line, IReadOnlyList<string> Words, bool IsWhole)
{
    public string Text => $"{Page}:{Line}: {string.Join(' ', Words)}";

    /// <summary>What in a page begins with the name of a program, in blocks and between backticks.</summary>
    /// <param name="programs">Names, without folders but for <c>./build.sh</c>.</param>
    public static IEnumerable<ShellCommand> Of(MarkdownPage page, params string[] programs)
    {
        foreach (var block in page.Blocks)
        {
            for (var i = 0; i < block.Lines.Count; i++)
            {
                var (line, text) = (block.Line + i, block.Lines[i]);
                while (text.EndsWith('\\') && i + 1 < block.Lines.Count) text = text[..^1] + block.Lines[++i].TrimStart();
                // A guide's blocks show what is printed, too.
                if (block.Info.StartsWith("console", StringComparison.Ordinal))
                {
                    if (!text.StartsWith("# ", StringComparison.Ordinal)) continue;
                    text = text[2..];
                }

                foreach (var words in Commands(text, programs)) yield return new ShellCommand(page.Name, line, words, block.IsFenced);
            }
        }

        foreach (var (text, line) in page.Spans)
        {
            foreach (var words in Commands(text, programs)) yield return new ShellCommand(page.Name, line, words, false);
        }
    }

    private static IEnumerable<List<string>> Commands(string text, string[] programs)
    {
        // What is aligned behind a command is its comment; so is what stands behind #.
        foreach (var command in Split(text))
        {
            // What runs it for another user, or with variables, stands before it.
            var from = command[0] == "runuser"
                ? command.IndexOf("--") + 1 : command.FindIndex(static word => !word.Contains('=', StringComparison.Ordinal));
            if (from < 0 || from >= command.Count || !IsOne(command[from], programs)) continue;
            // In a file of OpenSSL's it is a name that gets a value.
            if (from + 1 < command.Count && command[from + 1] == "=") continue;
            foreach (var one in Alternatives(command[from..])) yield return one;
        }
    }

    /// <summary>Also by its path.</summary>
    private static bool IsOne(string word, string[] programs) =>
        programs.Contains(word) || programs.Contains(word[(word.LastIndexOf('/') + 1)..]);

    /// <summary>The simple commands of a line.</summary>
    private static IEnumerable<List<string>> Split(string text)
    {
        List<string> words = [];
        var word = "";
        var (quote, isWord) = ('\0', false);
        for (var i = 0; i <= text.Length; i++)
        {
            var c = i < text.Length ? text[i] : '\n';
            if (quote != '\0')
            {
                if (c == quote) quote = '\0';
                else word += c;
                continue;
            }

            if (c is '\'' or '"')
            {
                (quote, isWord) = (c, true);
                continue;
            }

            var isEnd = c is '\n' or ';' or '>' || (c == '|' && (i == 0 || text[i - 1] == ' '))
                || (c == '&' && i + 1 < text.Length && text[i + 1] == '&')
                || (c == '#' && !isWord) || (c == ' ' && words.Count > 0 && text.AsSpan(i).StartsWith("   ", StringComparison.Ordinal));
            if (c is ' ' || isEnd)
            {
                if (isWord) words.Add(word);
                (word, isWord) = ("", false);
                if (!isEnd) continue;
                if (words.Count > 0) yield return words;
                words = [];
                if (c is '#' or '>') yield break;
                continue;
            }

            word += c;
            isWord = true;
        }
    }

    /// <summary><c>a|b</c> is two commands; what is in brackets may be left out, and is there.</summary>
    private static IEnumerable<List<string>> Alternatives(List<string> words)
    {
        var at = words.FindIndex(static word => word.Contains('|', StringComparison.Ordinal));
        if (at < 0)
        {
            yield return words.ConvertAll(static word => word.Trim('[', ']'));
            yield break;
        }

        foreach (var one in words[at].Trim('[', ']').Split('|'))
        {
            foreach (var whole in Alternatives([.. words[..at], one, .. words[(at + 1)..]])) yield return whole;
        }
    }
}
