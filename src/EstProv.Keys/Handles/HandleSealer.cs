using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Keys.Handles;

/// <summary>
/// Makes and checks key handles: <c>v1.</c> and base64url of <c>scope length (1 byte), scope, key id (UTF-8), HMAC-SHA256 of all before</c>.
/// The scope is empty (floating: the current key pair of the id, or its symmetric key) or the SHA-256 of one SubjectPublicKeyInfo (pinned).
/// Of a derived key: <c>255, length of the key id (2 bytes, big endian), key id, derivation data, HMAC-SHA256</c>.
/// </summary>
/// <remarks>
/// A handle grants nothing: the caller's right to the key id is checked at every use. Every member throws what <see cref="HandleKey.Bytes"/> throws.
/// </remarks>
internal sealed class HandleSealer(HandleKey key)
{
    public const int ScopeLength = 32;

    /// <summary>Of a key id, in bytes of UTF-8.</summary>
    public const int LongestId = 256;

    /// <summary>Of derivation data, in bytes.</summary>
    public const int LongestData = 1024;

    /// <summary>Of a handle, in characters.</summary>
    public const int LongestHandle = 3 + (LongestDerived * 4 + 2) / 3;

    private const byte Derived = 255;
    private const int DerivedHead = 3;
    private const int LongestDerived = DerivedHead + LongestId + LongestData + MacLength;

    private const int MacLength = 32;
    private const int LongestPayload = 1 + ScopeLength + LongestId + MacLength;
    private const string Prefix = "v1.";

    /// <inheritdoc cref="HandleKey.Prepare"/>
    public void Prepare() => key.Prepare();

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
        Span<byte> payload = stackalloc byte[LongestPayload];
        if (!TryUnseal(handle, payload, out var length)) return false;
        payload = payload[..length];
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

    /// <summary>The handle of the key that is derived from <paramref name="keyId"/>'s with <paramref name="data"/>.</summary>
    public string SealDerived(string keyId, ReadOnlySpan<byte> data)
    {
        Span<byte> payload = stackalloc byte[LongestDerived];
        var idLength = Encoding.UTF8.GetBytes(keyId, payload[DerivedHead..]);
        payload[0] = Derived;
        BinaryPrimitives.WriteUInt16BigEndian(payload[1..], (ushort)idLength);
        var length = DerivedHead + idLength;
        data.CopyTo(payload[length..]);
        length += data.Length;
        HMACSHA256.HashData(key.Bytes, payload[..length], payload[length..]);
        return Prefix + Base64Url.EncodeToString(payload[..(length + MacLength)]);
    }

    /// <param name="keyId">Room for <see cref="LongestId"/> characters.</param>
    /// <param name="data">Room for <see cref="LongestData"/>.</param>
    /// <returns>False for another handle, and for whatever this service has not made.</returns>
    public bool TryOpenDerived(ReadOnlySpan<char> handle, Span<char> keyId, out int idLength, Span<byte> data, out int dataLength)
    {
        (idLength, dataLength) = (0, 0);
        Span<byte> payload = stackalloc byte[LongestDerived];
        if (!TryUnseal(handle, payload, out var length)) return false;
        payload = payload[..length];
        if (payload.Length < DerivedHead || payload[0] != Derived) return false;
        var idBytes = BinaryPrimitives.ReadUInt16BigEndian(payload[1..]);
        payload = payload[DerivedHead..];
        if (idBytes > payload.Length) return false;
        idLength = Encoding.UTF8.GetChars(payload[..idBytes], keyId);
        payload = payload[idBytes..];
        payload.CopyTo(data);
        dataLength = payload.Length;
        return true;
    }

    /// <param name="payload">Room for the longest that may come; without the HMAC when this returns.</param>
    private bool TryUnseal(ReadOnlySpan<char> handle, Span<byte> payload, out int length)
    {
        length = 0;
        if (!handle.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        handle = handle[Prefix.Length..];
        if (handle.Length > (payload.Length * 4 + 2) / 3) return false;
        if (Base64Url.DecodeFromChars(handle, payload, out var read, out var decoded) != OperationStatus.Done || read != handle.Length) return false;
        if (decoded < 1 + 1 + MacLength) return false;

        payload = payload[..decoded];
        Span<byte> expected = stackalloc byte[MacLength];
        HMACSHA256.HashData(key.Bytes, payload[..^MacLength], expected);
        length = decoded - MacLength;
        return CryptographicOperations.FixedTimeEquals(expected, payload[^MacLength..]);
    }
}
