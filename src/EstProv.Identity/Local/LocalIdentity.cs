using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace EstProv.Identity.Local;

/// <summary>A certificate and its private key, for one answer.</summary>
/// <param name="certificate">PEM, leaf first.</param>
internal sealed class LocalIdentity(string moduleId, ECDsa key, string certificate, DateTimeOffset expiration) : IDisposable
{
    // PKCS#8 of a P-256 key with its public key is 138 bytes (RFC 5958, RFC 5915).
    private const int LongestKey = 192;

    private const int LineLength = 64;

    /// <summary>
    /// <c>{"type":"local","spec":{moduleId, auth:{privateKey, certificate, expiration}}}</c>: PEM (RFC 7468) with a PKCS#8 key, and RFC
    /// 3339.
    /// </summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "local"u8);
        json.WriteStartObject("spec"u8);
        json.WriteString("moduleId"u8, moduleId);
        json.WriteStartObject("auth"u8);
        json.WritePropertyName("privateKey"u8);
        WriteKey(json);
        json.WriteString("certificate"u8, certificate);
        json.WriteString("expiration"u8, expiration.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture) + "+00:00");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The private key is zeroed by OpenSSL.</summary>
    public void Dispose() => key.Dispose();

    /// <summary>As a JSON string made by hand: the writer would leave a copy in the array pool when it escapes the line feeds.</summary>
    private void WriteKey(Utf8JsonWriter json)
    {
        Span<byte> der = stackalloc byte[LongestKey];
        Span<byte> base64 = stackalloc byte[(LongestKey + 2) / 3 * 4];
        Span<byte> text = stackalloc byte[512];
        try
        {
            if (!key.TryExportPkcs8PrivateKey(der, out var length)) throw new CryptographicException();
            Base64.EncodeToUtf8(der[..length], base64, out _, out var written);
            var position = 0;
            Append(text, ref position, "\"-----BEGIN PRIVATE KEY-----\\n"u8);
            for (var rest = base64[..written]; !rest.IsEmpty; rest = rest[Math.Min(LineLength, rest.Length)..])
            {
                Append(text, ref position, rest[..Math.Min(LineLength, rest.Length)]);
                Append(text, ref position, "\\n"u8);
            }

            Append(text, ref position, "-----END PRIVATE KEY-----\\n\""u8);
            json.WriteRawValue(text[..position], skipInputValidation: true);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
            CryptographicOperations.ZeroMemory(base64);
            CryptographicOperations.ZeroMemory(text);
        }
    }

    private static void Append(Span<byte> text, ref int position, ReadOnlySpan<byte> part)
    {
        part.CopyTo(text[position..]);
        position += part.Length;
    }
}
