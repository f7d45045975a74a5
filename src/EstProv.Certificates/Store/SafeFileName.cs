using System.Text;

namespace EstProv.Certificates.Store;

/// <summary>Certificate ids are free text of callers; file names are not.</summary>
internal static class SafeFileName
{
    private const int Longest = 150;

    /// <summary>
    /// Distinct ids give distinct names: letters, digits, <c>_</c> and <c>-</c> stand for themselves (and a dot that is not the first), other bytes
    /// of the UTF-8 form are written <c>%XX</c>; what gets too long is cut and ends in a hash.
    /// </summary>
    public static string Of(string id)
    {
        var name = new StringBuilder(id.Length);
        foreach (var b in Encoding.UTF8.GetBytes(id))
        {
            var c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || c is '_' or '-' || (c == '.' && name.Length > 0)) name.Append(c);
            else name.Append('%').Append(b.ToString("X2"));
        }

        if (name.Length <= Longest) return name.ToString();
        var hash = ContentHash.Of(Encoding.UTF8.GetBytes(id));
        name.Length = Longest - hash.Length - 1;
        return name.Append('%').Append(hash).ToString();
    }
}
