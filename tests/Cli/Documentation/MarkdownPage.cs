using System.Text;
using System.Text.RegularExpressions;

namespace EstProv.Cli.Tests.Documentation;

/// <summary>One page of the tree, taken apart as GitHub does: blocks, spans of code, links, headings.</summary>
internal sealed partial class MarkdownPage
{
    private MarkdownPage(string file, string name)
    {
        (File, Name) = (file, name);
        Read(System.IO.File.ReadAllLines(file));
    }

    public string File { get; }

    /// <summary>From the tree's root.</summary>
    public string Name { get; }

    public List<CodeBlock> Blocks { get; } = [];

    /// <summary>What stands between backticks, with its line.</summary>
    public List<(string Text, int Line)> Spans { get; } = [];

    public List<(string Target, int Line)> Links { get; } = [];

    /// <summary>What <c>#…</c> may name.</summary>
    public HashSet<string> Anchors { get; } = new(StringComparer.Ordinal);

    public static MarkdownPage Of(string file) => new(file, Path.GetFileName(file));

    public static string Root { get; } = Path.GetFullPath(Path.Combine(Transcript.SourceFolder(), "../.."));

    public static IReadOnlyList<MarkdownPage> All { get; } = Pages();

    private static List<MarkdownPage> Pages()
    {
        List<MarkdownPage> pages = [];
        // Nothing that was built, fetched or is git's.
        List<string> folders = [Root];
        for (var i = 0; i < folders.Count; i++)
        {
            foreach (var file in Directory.GetFiles(folders[i], "*.md"))
                pages.Add(new MarkdownPage(file, Path.GetRelativePath(Root, file)));
            foreach (var folder in Directory.GetDirectories(folders[i]))
            {
                if (Path.GetFileName(folder) is not ("bin" or "obj" or "out" or "node_modules" or ['.', ..])) folders.Add(folder);
            }
        }

        return pages;
    }

    private void Read(string[] lines)
    {
        CodeBlock? block = null;
        for (var i = 0; i < lines.Length; i++)
        {
            var (text, fence) = (lines[i], lines[i].TrimStart());
            if (fence.StartsWith("```", StringComparison.Ordinal) && (block is null || block.IsFenced))
            {
                if (block is null) Blocks.Add(block = new CodeBlock(fence[3..], i + 2, isFenced: true));
                else block = null;
                continue;
            }

            if (block is { IsFenced: true })
            {
                block.Lines.Add(text);
                continue;
            }

            // Four spaces make code where a paragraph has ended; within a list they may be its text, which has no commands then.
            if (text.StartsWith("    ", StringComparison.Ordinal) && (block is not null || i == 0 || lines[i - 1].Trim().Length == 0))
            {
                if (block is null) Blocks.Add(block = new CodeBlock("", i + 1, isFenced: false));
                block.Lines.Add(text[4..]);
                continue;
            }

            if (block is not null && text.Length == 0)
            {
                block.Lines.Add("");
                continue;
            }

            block = null;
            if (text.StartsWith('#')) Anchors.Add(Slug(text));
            foreach (Match span in Span().Matches(text)) Spans.Add((span.Groups["text"].Value.Trim(), i + 1));
            foreach (Match link in Link().Matches(Span().Replace(text, "")))
                Links.Add((link.Groups["target"].Value, i + 1));
        }
    }

    /// <summary>GitHub's: lower case, without punctuation, spaces as dashes.</summary>
    private static string Slug(string heading)
    {
        var slug = new StringBuilder();
        foreach (var c in heading.TrimStart('#').Trim().ToLowerInvariant())
        {
            if (char.IsLetterOrDigit(c) || c is '-' or '_') slug.Append(c);
            else if (c == ' ') slug.Append('-');
        }

        return slug.ToString();
    }

    [GeneratedRegex("(?<ticks>`+)(?<text>.+?)(?<!`)\\k<ticks>(?!`)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Span();

    [GeneratedRegex(@"\[[^\]]*\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Link();
}
