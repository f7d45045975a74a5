using System.Security.Cryptography;
using System.Text;

namespace EstProv.Keys.Index;

/// <summary>The file name of a key id: any id is safe, ordinary ids stay readable.</summary>
internal static class KeyFileName
{
    private const int LongestPlain = 180; // NAME_MAX is 255

    /// <summary>
    /// The id with everything but letters, digits, dash, underscore and inner dots as %XX of its UTF-8; a very long one as <c>%sha256-</c> and
    /// the hash, which no encoded id can begin with.
    /// </summary>
    public static string Of(string keyId)
    {
        var result = new StringBuilder(keyId.Length + 8);
        foreach (var b in Encoding.UTF8.GetBytes(keyId))
        {
            var c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || c is '-' or '_' || c == '.' && result.Length > 0) result.Append(c);
            else result.Append('%').Append(b.ToString("X2"));
        }

        if (result.Length > LongestPlain) return "%sha256-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(keyId)));
        return result.ToString();
    }
}
