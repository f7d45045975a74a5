using System.Security.Cryptography;

namespace EstProv.Keys.Client;

/// <summary>
/// What the other daemons ask of the Key Service. Private keys never pass: a key is named by its id or by a handle, and a handle is
/// worth nothing to a uid without the right to the key.
/// </summary>
/// <remarks>
/// Every member throws <see cref="Platform.ProblemException"/>: <c>key_not_found</c>, <c>forbidden</c>, <c>keyd_unreachable</c>,
/// <c>token_*</c>, <c>pin_*</c>, with keyd's own words. Calls block, for a few seconds at most, and are safe from any thread.
/// </remarks>
public interface IKeyClient
{
    /// <summary>The current key pair of <paramref name="keyId"/>, generated where there is none (<c>POST /keypair</c>).</summary>
    KeyReference CreateKeyPair(string keyId, string preferredAlgorithms);

    /// <summary>
    /// The key pair of <paramref name="keyId"/>: the current one, or, given the SHA-256 of a SubjectPublicKeyInfo, whichever of current,
    /// next, previous and preloaded matches it. Null when there is none.
    /// </summary>
    KeyReference? FindKeyPair(string keyId, ReadOnlyMemory<byte> spkiSha256 = default);

    /// <summary>
    /// The staged key pair of <paramref name="keyId"/>, generated where there is none yet: a repeated call gives the same key, so that a
    /// request which was answered 'later' can be repeated unchanged after a restart.
    /// </summary>
    KeyReference StageNext(string keyId, string preferredAlgorithms);

    /// <summary>Destroys the staged key pair; no error when there is none.</summary>
    void DiscardNext(string keyId);

    /// <summary>
    /// Makes the staged key pair with this public key the current one and keeps the old one as the previous. Idempotent: no error when the
    /// current one matches already. <c>key_mismatch</c> when neither does.
    /// </summary>
    void Promote(string keyId, ReadOnlyMemory<byte> spkiSha256);

    /// <summary>Destroys the previous key pair, where it is one that keyd made; no error when there is none.</summary>
    void RetirePrevious(string keyId);

    /// <summary>
    /// Signs a digest. ECDSA signatures come as DER (RFC 3279 section 2.2.3), RSA signatures as the bare octet string. For PSS the salt is as long as
    /// the digest and MGF1 uses the same hash (RFC 4055, RFC 8446).
    /// </summary>
    byte[] SignDigest(string keyHandle, SignatureScheme scheme, HashAlgorithmName hash, ReadOnlySpan<byte> digest);
}

/// <summary>A key pair as keyd names it.</summary>
/// <param name="Handle">Pinned to this very key pair; stays valid until it is destroyed.</param>
/// <param name="SubjectPublicKeyInfo">DER, RFC 5280 section 4.1.2.7.</param>
public sealed record KeyReference(string Handle, byte[] SubjectPublicKeyInfo);

public enum SignatureScheme
{
    Ecdsa,
    RsaPkcs1,
    RsaPss,

    /// <summary>Of messages; <see cref="IKeyClient.SignDigest"/> does not take it.</summary>
    EdDsa,
}
