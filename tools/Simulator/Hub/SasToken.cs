using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Simulator.Hub;

/// <summary>
/// <c>SharedAccessSignature sr=…&amp;sig=…&amp;se=…[&amp;skn=…]</c>: sig = base64(HMAC-SHA256(key, sr as sent + LF + se)).
/// (learn.microsoft.com/azure/iot-hub/authenticate-authorize-sas, learn.microsoft.com/azure/iot-dps/how-to-control-access)
/// </summary>
internal sealed record SasToken(string Resource, string SignedResource, string Expiry, byte[] Signature, string? KeyName)
{
    private const string Scheme = "SharedAccessSignature ";

    /// <summary>Null = no such token.</summary>
    public static SasToken? Parse(string? header)
    {
        if (header is null || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        string? resource = null, expiry = null, signature = null, keyName = null;
        foreach (var part in header[Scheme.Length..].Split('&'))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                return null;
            }

            var value = part[(equals + 1)..];
            switch (part[..equals].Trim())
            {
                case "sr":
                    resource = value;
                    break;
                case "se":
                    expiry = value;
                    break;
                case "sig":
                    signature = Uri.UnescapeDataString(value);
                    break;
                case "skn":
                    keyName = value.Length == 0 ? null : Uri.UnescapeDataString(value);
                    break;
            }
        }

        var bytes = new byte[64];
        return resource is not null && expiry is not null && signature is not null && Convert.TryFromBase64String(signature, bytes, out var length)
            ? new SasToken(Uri.UnescapeDataString(resource), resource, expiry, bytes[..length], keyName)
            : null;
    }

    public bool IsExpired(DateTimeOffset now)
        => !long.TryParse(Expiry, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds <= now.ToUnixTimeSeconds();

    /// <summary>The token is for the resource or for one above it.</summary>
    public bool Covers(string resource)
        => resource.Equals(Resource, StringComparison.OrdinalIgnoreCase)
        || resource.StartsWith(Resource.TrimEnd('/') + "/", StringComparison.OrdinalIgnoreCase);

    public bool IsSignedWith(string? key)
    {
        var bytes = new byte[256];
        if (key is null || !Convert.TryFromBase64String(key, bytes, out var length))
        {
            return false;
        }

        var expected = HMACSHA256.HashData(bytes.AsSpan(0, length), Encoding.UTF8.GetBytes(SignedResource + "\n" + Expiry));
        return CryptographicOperations.FixedTimeEquals(expected, Signature);
    }
}
