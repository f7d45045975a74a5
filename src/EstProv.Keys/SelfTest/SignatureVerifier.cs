using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;

namespace EstProv.Keys.SelfTest;

/// <summary>Whether a signature is one over the digest (over the message with EdDSA) by the key.</summary>
internal delegate bool SignatureVerifier(PublicKeyInfo key, SignatureScheme scheme, DigestAlgorithm hash, byte[] digest, byte[] signature);

/// <summary>Verifies by the framework.</summary>
internal static class FrameworkVerifier
{
    /// <remarks>The framework has no Ed25519: of such a signature only the length is looked at.</remarks>
    public static bool Verify(PublicKeyInfo key, SignatureScheme scheme, DigestAlgorithm hash, byte[] digest, byte[] signature)
    {
        const int Ed25519SignatureLength = 64;
        if (scheme == SignatureScheme.EdDsa) return signature.Length == Ed25519SignatureLength;
        if (scheme == SignatureScheme.Ecdsa)
        {
            using var ec = ECDsa.Create();
            ec.ImportSubjectPublicKeyInfo(key.Spki, out _);
            return ec.VerifyHash(digest, signature, DSASignatureFormat.Rfc3279DerSequence);
        }

        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(key.Spki, out _);
        return rsa.VerifyHash(digest, signature, hash.Name(), scheme == SignatureScheme.RsaPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
    }
}
