using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>One symmetric key in a store. Safe from any thread; looks at no usage, which the service does.</summary>
/// <remarks>Members throw <see cref="ProblemException"/>: <c>token_*</c>, <c>pin_*</c>, <c>module_*</c>, <c>key_*</c>, <c>mechanism_missing</c>.</remarks>
internal abstract class StoredSecret(SecretUsage usage)
{
    /// <summary>Bytes of a key that we generate, of a key that encrypts, and of an HMAC-SHA256.</summary>
    public const int Length = 32;

    /// <summary>Bytes of the shortest and the longest key that is imported for HMAC-SHA256.</summary>
    public const int Shortest = 16, Longest = 256;

    /// <summary>Bytes of the longest initialization vector: as OpenSSL takes it.</summary>
    public const int LongestIv = 128;

    public SecretUsage Usage { get; } = usage;

    /// <summary>Finds the key, so that one that is gone is seen before it is used.</summary>
    public abstract void Probe();

    /// <summary>HMAC-SHA256 (RFC 2104, FIPS 180-4).</summary>
    /// <param name="mac">Room for 32 bytes.</param>
    public abstract void Mac(ReadOnlySpan<byte> message, Span<byte> mac);

    /// <summary>AES-256-GCM (NIST SP 800-38D) with an iv of 1 to 128 bytes.</summary>
    /// <param name="sealedText">Ciphertext, then the tag of 16 bytes: 16 longer than the plaintext.</param>
    public abstract void Encrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> plaintext, Span<byte> sealedText);

    /// <param name="sealedText">Ciphertext, then the tag of 16 bytes.</param>
    /// <param name="plaintext">16 shorter; untouched or zero when it is refused.</param>
    /// <exception cref="ProblemException"><c>ciphertext_invalid</c>.</exception>
    public abstract void Decrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> sealedText, Span<byte> plaintext);
}
