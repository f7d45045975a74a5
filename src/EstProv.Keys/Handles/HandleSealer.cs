using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Keys.Handles;

/// <summary>
/// Makes and checks key handles: <c>v1.</c> and base64url of <c>scope length (1 byte), scope, key id (UTF-8), HMAC-SHA256 of all before</c>.
/// The scope is empty (floating: the current key pair of the id) or the SHA-256 of one SubjectPublicKeyInfo (pinned).
/// </summary>
/// <remarks>
/// A handle grants nothing: the caller's right to the key id is checked at every use. Every member throws what <see cref="HandleKey.Bytes"/> throws.
/// </remarks>
internal sealed class HandleSealer(HandleKey key)
{
    public const int ScopeLength = 32;

    /// <summary>Of a key id, in bytes of UTF-8.</summary>
    public const int LongestId = 256;

    private const int MacLength = 32;
    private const int LongestPayload = 1 + ScopeLength + LongestId + MacLength;
    private const string Prefix = "v1.";

    /// <param name="scope">Empty, or the SHA-256 of a SubjectPublicKeyInfo.</param>
    public string Seal(string keyId, ReadOnlySpan<byte> scope)
    {
        Span<byte> payload = stackalloc byte[LongestPayload];
        payload[0] = (byte)scope.Length;
        scope.CopyTo(payload[1..]);
        var length = 1 + scope.Length;
        length += Encoding.UTF8.GetBytes(keyId, payload[length..(LongestPayload - MacLength)]);
        HMACSHA256.HashData(key.Bytes, payload[..length], payload[length..]);
        return Prefix + Base64Url.EncodeToString(payload[..(length + MacLength)]);
    }

    /// <param name="scope">Room for <see cref="ScopeLength"/>; filled when the handle is pinned.</param>
    /// <param name="keyId">Room for <see cref="LongestId"/> characters.</param>
    /// <returns>False for whatever this service has not made.</returns>
    public bool TryOpen(ReadOnlySpan<char> handle, Span<byte> scope, out bool pinned, Span<char> keyId, out int idLength)
    {
        pinned = false;
        idLength = 0;
        if (!handle.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        handle = handle[Prefix.Length..];
        Span<byte> payload = stackalloc byte[LongestPayload];
        if (handle.Length > (LongestPayload * 4 + 2) / 3) return false;
        if (Base64Url.DecodeFromChars(handle, payload, out var read, out var length) != System.Buffers.OperationStatus.Done || read != handle.Length) return false;
        payload = payload[..length];
        if (length < 1 + 1 + MacLength) return false;

        Span<byte> expected = stackalloc byte[MacLength];
        HMACSHA256.HashData(key.Bytes, payload[..^MacLength], expected);
        if (!CryptographicOperations.FixedTimeEquals(expected, payload[^MacLength..])) return false;

        payload = payload[..^MacLength];
        var scopeLength = payload[0];
        pinned = scopeLength != 0;
        if (pinned)
        {
            if (scopeLength != ScopeLength || payload.Length < 1 + ScopeLength) return false;
            payload.Slice(1, ScopeLength).CopyTo(scope);
        }

        idLength = Encoding.UTF8.GetChars(payload[(1 + scopeLength)..], keyId);
        return true;
    }
}
