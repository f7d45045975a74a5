using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Files;

/// <summary>A private key in a file, read at its first use.</summary>
internal sealed class FileKey(string path, string name, PublicKeyInfo publicKey) : StoredKey(publicKey)
{
    private readonly Lock _gate = new();
    private volatile AsymmetricAlgorithm? _key;

    public override void Probe()
    {
        if (File.Exists(path)) _ = _key ?? Read();
        else throw new ProblemException("key_not_found", $"{path}, the file of {name}, is gone", "restore it, or have a new key generated", 404);
    }

    public override int Sign(SignatureScheme scheme, DigestAlgorithm hash, ReadOnlySpan<byte> digest, Span<byte> signature)
    {
        // OpenSSL's keys may be used by several threads at a time for signing.
        var key = _key ?? Read();
        if (key is ECDsa ec)
        {
            return ec.SignHash(digest, signature, DSASignatureFormat.Rfc3279DerSequence);
        }

        return ((RSA)key).SignHash(digest, signature, hash.Name(),
            scheme == SignatureScheme.RsaPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
    }

    public override int Decrypt(HashAlgorithmName hash, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        if (!Public.IsRsa) return base.Decrypt(hash, ciphertext, plaintext);
        try
        {
            return ((RSA)(_key ?? Read())).Decrypt(ciphertext, plaintext, RSAEncryptionPadding.CreateOaep(hash));
        }
        catch (CryptographicException)
        {
            throw Ciphers.Invalid(name);
        }
    }

    private AsymmetricAlgorithm Read()
    {
        lock (_gate)
        {
            if (_key is { } there) return there;
            var key = PrivateKeyFile.Read(path, name);
            var spki = key is ECDsa ec ? ec.ExportSubjectPublicKeyInfo() : ((RSA)key).ExportSubjectPublicKeyInfo();
            if (!Public.Spki.AsSpan().SequenceEqual(spki))
            {
                key.Dispose();
                throw new ProblemException("key_not_found", $"{path} holds another key now than {name} had", "load the key pair again", 404);
            }

            return _key = key;
        }
    }
}
