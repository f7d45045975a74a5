using System.Globalization;
using System.Text;
using EstProv.Platform;

namespace EstProv.Configuration.Secrets;

/// <summary>
/// Cuts the value of each <c>pin-value=</c> out of a TOML text, in place, so that every position in it stays what it was. It stands before the parser and takes any
/// text: strings of all four kinds with their escapes (TOML 1.0, section String), comments, and what is not TOML, such as a PIN that lost its quotes.
/// </summary>
internal ref struct SecretCutter
{
    private const string Name = "pin-value=";

    private enum Part
    {
        Bare,
        Comment,
        Basic,
        Literal,
        BasicBlock,
        LiteralBlock,
    }

    private readonly Span<char> _text;
    private readonly CutSecrets _secrets;
    private readonly Span<byte> _room;
    private Part _part;
    private int _at;

    private SecretCutter(Span<char> text, Span<byte> room, CutSecrets secrets)
    {
        _text = text;
        _room = room;
        _secrets = secrets;
    }

    /// <param name="text">In memory that a secret may stand in.</param>
    public static void Run(Span<char> text, CutSecrets secrets)
    {
        if (!Contains(text)) return;
        using var room = new LockedPages(Encoding.UTF8.GetMaxByteCount(text.Length));
        new SecretCutter(text, room.Bytes, secrets).Run();
    }

    // Nearly every file has none: its name alone may be written with escapes, which begin with a backslash.
    private static bool Contains(ReadOnlySpan<char> text) => text.Contains(Name, StringComparison.OrdinalIgnoreCase) || text.Contains('\\');

    private void Run()
    {
        var matched = 0;
        while (_at < _text.Length)
        {
            if (TryTurn())
            {
                matched = 0;
                continue;
            }

            var length = Read(out var rune);
            _at += length;
            // A line end within a string that goes on behind it is no character.
            if (rune is not { } read) continue;
            var letter = read.IsAscii ? char.ToLowerInvariant((char)read.Value) : '\0';
            // Its first letter does not come again in it.
            matched = letter == Name[matched] ? matched + 1 : letter == Name[0] ? 1 : 0;
            if (matched < Name.Length) continue;
            matched = 0;
            Cut();
        }
    }

    private void Cut()
    {
        var first = -1;
        var length = 0;
        while (_at < _text.Length && !IsEnd())
        {
            var source = _text.Slice(_at, Read(out var rune));
            _at += source.Length;
            if (rune is not { } read) continue;
            length += read.EncodeToUtf8(_room[length..]);
            if (first < 0) first = _at - source.Length;
            // Lines are counted by their ends.
            if (source[0] is not ('\n' or '\r')) source.Fill(CutSecrets.Filler);
        }

        // In a comment, or outside of a string where it makes no value, nobody will ask for it.
        if (first >= 0 && _part is not (Part.Bare or Part.Comment)) _text[first] = _secrets.Add(_room[..length]);
        _room[..length].Clear();
    }

    private readonly bool IsEnd()
    {
        var c = _text[_at];
        return c == '&' || _part switch
        {
            Part.Bare or Part.Comment => c is <= ' ' or '"' or '\'',
            Part.Basic => c is '"' or '\n',
            Part.Literal => c is '\'' or '\n',
            Part.BasicBlock => Starts("\"\"\""),
            _ => Starts("'''"),
        };
    }

    /// <summary>Goes over what begins or ends a part of the text.</summary>
    private bool TryTurn()
    {
        var c = _text[_at];
        var (next, length) = _part switch
        {
            Part.Bare when Starts("\"\"\"") => (Part.BasicBlock, 3),
            Part.Bare when Starts("'''") => (Part.LiteralBlock, 3),
            Part.Bare when c == '"' => (Part.Basic, 1),
            Part.Bare when c == '\'' => (Part.Literal, 1),
            Part.Bare when c == '#' => (Part.Comment, 1),
            Part.Comment or Part.Basic or Part.Literal when c == '\n' => (Part.Bare, 1),
            Part.Basic when c == '"' => (Part.Bare, 1),
            Part.Literal when c == '\'' => (Part.Bare, 1),
            Part.BasicBlock when Starts("\"\"\"") => (Part.Bare, 3),
            Part.LiteralBlock when Starts("'''") => (Part.Bare, 3),
            _ => (_part, 0),
        };
        _part = next;
        _at += length;
        return length > 0;
    }

    private readonly bool Starts(ReadOnlySpan<char> with) => _text[_at..].StartsWith(with, StringComparison.Ordinal);

    /// <summary>The character that stands here, perhaps as an escape; none for the end of a line that is escaped.</summary>
    /// <returns>How many characters of the text it takes.</returns>
    private readonly int Read(out Rune? rune)
    {
        var rest = _text[_at..];
        if (rest[0] == '\\' && _part is Part.Basic or Part.BasicBlock && TryEscape(rest, out rune) is var escaped and > 0) return escaped;
        _ = Rune.DecodeFromUtf16(rest, out var plain, out var length);
        rune = plain;
        return length;
    }

    private readonly int TryEscape(ReadOnlySpan<char> rest, out Rune? rune)
    {
        rune = null;
        if (rest[0] != '\\' || rest.Length < 2) return 0;
        var digits = rest[1] switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
        {
            if (rest.Length < 2 + digits || !uint.TryParse(rest.Slice(2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
                || !Rune.TryCreate(number, out var value))
            {
                return 0;
            }

            rune = value;
            return 2 + digits;
        }

        if (rest[1] switch { 'b' => '\b', 't' => '\t', 'n' => '\n', 'f' => '\f', 'r' => '\r', 'e' => '\x1B', '"' => '"', '\\' => '\\', _ => '\0' } is var letter and not '\0')
        {
            rune = new Rune(letter);
            return 2;
        }

        var blank = rest[1..].IndexOfAnyExcept(" \t\r\n");
        var blanks = rest[1..][..(blank < 0 ? rest.Length - 1 : blank)];
        return _part == Part.BasicBlock && blanks.Contains('\n') ? 1 + blanks.Length : 0;
    }
}
