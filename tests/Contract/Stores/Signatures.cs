using System.Diagnostics;
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

        if (scheme == SignatureScheme.EdDsa) return OpenSslVerifies(spki, digest, signature);

        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(spki, out _);
        var padding = scheme == SignatureScheme.RsaPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;
        return rsa.VerifyHash(digest, signature, hash.Name(), padding);
    }

    public static byte[] Digest(DigestAlgorithm hash, string text) => CryptographicOperations.HashData(hash.Name(), System.Text.Encoding.UTF8.GetBytes(text));

    // The framework has no Ed25519.
    private static bool OpenSslVerifies(byte[] spki, byte[] message, byte[] signature)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["spki"], spki);
        File.WriteAllBytes(folder["message"], message);
        File.WriteAllBytes(folder["signature"], signature);
        using var openssl = Process.Start(new ProcessStartInfo("openssl",
            ["pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", folder["spki"], "-in", folder["message"], "-sigfile", folder["signature"]])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        openssl.StandardOutput.ReadToEnd();
        openssl.WaitForExit();
        return openssl.ExitCode == 0;
    }
}
