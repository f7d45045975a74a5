using System.Security.Cryptography;
using EstProv.Keys.Stores;

namespace EstProv.Keys.Files;

/// <summary>A symmetric key in a file, read at its first use.</summary>
internal sealed class FileSecret(string path, string name, SecretUsage usage) : StoredSecret(usage)
{
    private readonly Lock _gate = new();
    private volatile byte[]? _key;

    private byte[] Key => _key ?? Read();

    public override void Probe() => _ = Key;

    public override void Mac(ReadOnlySpan<byte> message, Span<byte> mac) => HMACSHA256.HashData(Key, message, mac);

    public override void Encrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> plaintext, Span<byte> sealedText) =>
        AesGcmCipher.Encrypt(Key, iv, aad, plaintext, sealedText);

    public override void Decrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> sealedText, Span<byte> plaintext)
    {
        if (!AesGcmCipher.Decrypt(Key, iv, aad, sealedText, plaintext)) throw Ciphers.Invalid(name);
    }

    private byte[] Read()
    {
        lock (_gate) return _key ??= SecretFile.Read(path, name);
    }
}
