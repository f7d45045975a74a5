using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using EstProv.Keys.Stores;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// EMSA-PSS with MGF1 and a salt as long as the digest (RFC 8017 section 9.1.1), for tokens that have RSA but not this padding: without it
/// an RSA key cannot be used in TLS 1.3.
/// </summary>
internal static class PssEncoding
{
    /// <param name="digest">Of the message, as long as <paramref name="hash"/> makes it.</param>
    /// <param name="modulus">Big endian, no leading zero.</param>
    /// <param name="encoded">As long as the modulus; what the token raises to the private exponent.</param>
    /// <returns>False where the modulus is too short for the hash.</returns>
    public static bool TryEncode(DigestAlgorithm hash, ReadOnlySpan<byte> digest, ReadOnlySpan<byte> modulus, Span<byte> encoded)
    {
        Span<byte> salt = stackalloc byte[digest.Length];
        RandomNumberGenerator.Fill(salt);
        var bits = modulus.Length * 8 - BitOperations.LeadingZeroCount((uint)modulus[0] << 24) - 1;
        encoded = encoded[..modulus.Length];
        encoded.Clear();
        var message = encoded[^((bits + 7) / 8)..];
        if (message.Length < 2 * digest.Length + 2) return false;

        var masked = message[..^(digest.Length + 1)];
        var inner = message.Slice(masked.Length, digest.Length);
        using var hasher = IncrementalHash.CreateHash(hash.Name());
        hasher.AppendData(stackalloc byte[8]);
        hasher.AppendData(digest);
        hasher.AppendData(salt);
        hasher.GetHashAndReset(inner);
        message[^1] = 0xBC;
        masked[^(salt.Length + 1)] = 1;
        salt.CopyTo(masked[^salt.Length..]);

        Span<byte> mask = stackalloc byte[digest.Length];
        Span<byte> counter = stackalloc byte[4];
        for (var block = 0; block * mask.Length < masked.Length; block++)
        {
            hasher.AppendData(inner);
            BinaryPrimitives.WriteInt32BigEndian(counter, block);
            hasher.AppendData(counter);
            hasher.GetHashAndReset(mask);
            var part = masked[(block * mask.Length)..];
            for (var i = 0; i < Math.Min(part.Length, mask.Length); i++) part[i] ^= mask[i];
        }

        masked[0] &= (byte)(0xFF >> (message.Length * 8 - bits));
        return true;
    }

    private static HashAlgorithmName Name(this DigestAlgorithm hash) => hash switch
    {
        DigestAlgorithm.Sha256 => HashAlgorithmName.SHA256,
        DigestAlgorithm.Sha384 => HashAlgorithmName.SHA384,
        _ => HashAlgorithmName.SHA512,
    };
}
