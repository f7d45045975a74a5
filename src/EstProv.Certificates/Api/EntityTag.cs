using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Certificates.Api;

/// <summary>What a certificate's content is called (ETag, RFC 9110 section 8.8.3): the same for the same certificates, also after a restart.</summary>
internal static class EntityTag
{
    private const int Bytes = 16;

    public static string Of(string pem) => $"\"{Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(pem)).AsSpan(0, Bytes))}\"";

    /// <param name="header">If-None-Match: <c>*</c> or tags parted by commas, weak ones too, since they name the same content here; null for none.</param>
    public static bool Matches(string? header, string tag)
    {
        if (header is null) return false;
        foreach (var range in header.AsSpan().Split(','))
        {
            var one = header.AsSpan(range).Trim();
            if (one is "*") return true;
            if (one.StartsWith("W/")) one = one[2..];
            if (one.SequenceEqual(tag)) return true;
        }

        return false;
    }
}
