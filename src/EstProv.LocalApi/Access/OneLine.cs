namespace EstProv.LocalApi.Access;

/// <summary>Text of others' making in a line of the log: nothing in it begins a new line or moves a terminal's cursor.</summary>
internal static class OneLine
{
    private const int Longest = 128;

    /// <summary>At most 128 characters, with a '·' for each that is not to be shown.</summary>
    public static string Of(string text)
    {
        var length = Math.Min(text.Length, Longest);
        var clean = string.Create(length, text, static (result, text) =>
        {
            for (var i = 0; i < result.Length; i++) result[i] = char.IsControl(text[i]) || text[i] is '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E') ? '·' : text[i];
        });
        return text.Length > Longest ? clean + "…" : clean;
    }
}
