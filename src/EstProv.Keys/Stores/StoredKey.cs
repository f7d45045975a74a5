using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>One key pair in a store. Safe from any thread.</summary>
internal abstract class StoredKey(PublicKeyInfo publicKey)
{
    /// <summary>Room that <see cref="Sign"/> asks for: RSA with 8192 bits.</summary>
    public const int LongestSignature = 1024;

    public PublicKeyInfo Public { get; } = publicKey;

    /// <summary>Makes sure that the key is still there. Signs nothing.</summary>
    /// <exception cref="ProblemException"><c>key_not_found</c>: it is gone; others: nobody can tell now.</exception>
    public abstract void Probe();

    /// <summary>
    /// Signs <paramref name="digest"/>, which is as long as <paramref name="hash"/> makes it, with one operation of the store. ECDSA
    /// comes as DER (RFC 3279 section 2.2.3), with PSS the salt is as long as the digest and MGF1 uses the same hash (RFC 4055). EdDSA
    /// (RFC 8032, pure) signs a message of any length, which stands in place of the digest; then <paramref name="hash"/> means nothing.
    /// </summary>
    /// <returns>Bytes written to <paramref name="signature"/>, which has room for <see cref="LongestSignature"/>.</returns>
    /// <exception cref="ProblemException"><c>token_*</c>, <c>pin_*</c>, <c>module_*</c>, <c>key_*</c>, <c>mechanism_missing</c>.</exception>
    public abstract int Sign(SignatureScheme scheme, DigestAlgorithm hash, ReadOnlySpan<byte> digest, Span<byte> signature);

    /// <summary>Decrypts RSAES-OAEP (RFC 8017 section 7.1) with an empty label and MGF1 over the same hash.</summary>
    /// <param name="hash">SHA-1, SHA-256, SHA-384 or SHA-512.</param>
    /// <param name="plaintext">Room for <see cref="LongestSignature"/>.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="ProblemException"><c>ciphertext_invalid</c>, and what <see cref="Sign"/> throws.</exception>
    public virtual int Decrypt(HashAlgorithmName hash, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext) =>
        throw new ProblemException("mechanism_missing", $"a key of the kind {Public.Description} cannot decrypt here", "use an RSA key", 400);
}
