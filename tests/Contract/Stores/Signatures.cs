using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;

namespace EstProv.Contract.Tests.Stores;

/// <summary>Verifies by the framework what a store has signed.</summary>
internal static class Signatures
{
    public static byte[] Sign(StoredKey key, SignatureScheme scheme, DigestAlgorithm hash, byte[] digest)
    {
        var signature = new byte[StoredKey.LongestSignature];
        return signature[..key.Sign(scheme, hash, digest, signature)];
    }

    public static bool Verify(byte[] spki, SignatureScheme scheme, DigestAlgorithm hash, byte[] digest, byte[] signature)
    {
        if (scheme == SignatureScheme.Ecdsa)
        {
            using var ec = ECDsa.Create();
            ec.ImportSubjectPublicKeyInfo(spki, out _);
            return ec.VerifyHash(digest, signature, DSASignatureFormat.Rfc3279DerSequence);
        }

        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(spki, out _);
        var padding = scheme == SignatureScheme.RsaPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;
        return rsa.VerifyHash(digest, signature, Name(hash), padding);
    }

    public static byte[] Digest(DigestAlgorithm hash, string text) => CryptographicOperations.HashData(Name(hash), System.Text.Encoding.UTF8.GetBytes(text));

    private static HashAlgorithmName Name(DigestAlgorithm hash) => hash switch
    {
        DigestAlgorithm.Sha256 => HashAlgorithmName.SHA256,
        DigestAlgorithm.Sha384 => HashAlgorithmName.SHA384,
        _ => HashAlgorithmName.SHA512,
    };
}
