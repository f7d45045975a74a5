using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace EstProv.Keys.Stores;

/// <summary>
/// AES-256-GCM by libcrypto. The framework's own class takes an initialization vector of 12 bytes only, and clients choose theirs as they
/// like: IoT Edge takes a GUID's text.
/// </summary>
internal static unsafe partial class AesGcmCipher
{
    private const string LibCrypto = "libcrypto.so.3";
    private const int SetIvLength = 0x9, GetTag = 0x10, SetTag = 0x11; // EVP_CTRL_AEAD_*, openssl/evp.h

    /// <param name="key">32 bytes.</param>
    /// <param name="output">Ciphertext and tag.</param>
    public static void Encrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> plaintext, Span<byte> output)
    {
        if (!Run(key, iv, aad, plaintext, output[..plaintext.Length], output[plaintext.Length..], encrypt: true)) throw new CryptographicException("AES-GCM");
    }

    /// <param name="input">Ciphertext and tag.</param>
    /// <returns>False when the tag does not fit; then <paramref name="plaintext"/> is zero.</returns>
    public static bool Decrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> input, Span<byte> plaintext)
    {
        Span<byte> tag = stackalloc byte[Ciphers.TagLength];
        input[^Ciphers.TagLength..].CopyTo(tag);
        if (Run(key, iv, aad, input[..^Ciphers.TagLength], plaintext, tag, encrypt: false)) return true;
        CryptographicOperations.ZeroMemory(plaintext);
        return false;
    }

    private static bool Run(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> input, Span<byte> output, Span<byte> tag, bool encrypt)
    {
        if (key.Length != StoredSecret.Length || tag.Length != Ciphers.TagLength || output.Length != input.Length) throw new CryptographicException("AES-GCM");
        var context = NewContext();
        if (context == 0) throw new CryptographicException("AES-GCM");
        // The addresses of empty spans are null, which the functions take for 'none'; a length of zero goes with them.
        byte last;
        fixed (byte* keyAt = key, ivAt = iv, aadAt = aad, inputAt = input, outputAt = output, tagAt = tag)
        {
            try
            {
                return Init(context, Aes256Gcm(), 0, null, null, encrypt ? 1 : 0) == 1
                    && Control(context, SetIvLength, iv.Length, null) == 1
                    && Init(context, 0, 0, keyAt, ivAt, -1) == 1
                    && (aad.IsEmpty || Update(context, null, out _, aadAt, aad.Length) == 1)
                    && (input.IsEmpty || Update(context, outputAt, out _, inputAt, input.Length) == 1)
                    && (encrypt || Control(context, SetTag, tag.Length, tagAt) == 1)
                    && Final(context, &last, out _) == 1
                    && (!encrypt || Control(context, GetTag, tag.Length, tagAt) == 1);
            }
            finally
            {
                FreeContext(context);
            }
        }
    }

    [LibraryImport(LibCrypto, EntryPoint = "EVP_CIPHER_CTX_new")]
    private static partial nint NewContext();

    [LibraryImport(LibCrypto, EntryPoint = "EVP_CIPHER_CTX_free")]
    private static partial void FreeContext(nint context);

    [LibraryImport(LibCrypto, EntryPoint = "EVP_aes_256_gcm")]
    private static partial nint Aes256Gcm();

    [LibraryImport(LibCrypto, EntryPoint = "EVP_CIPHER_CTX_ctrl")]
    private static partial int Control(nint context, int type, int number, byte* pointer);

    [LibraryImport(LibCrypto, EntryPoint = "EVP_CipherInit_ex")]
    private static partial int Init(nint context, nint cipher, nint engine, byte* key, byte* iv, int encrypt);

    [LibraryImport(LibCrypto, EntryPoint = "EVP_CipherUpdate")]
    private static partial int Update(nint context, byte* output, out int written, byte* input, int length);

    [LibraryImport(LibCrypto, EntryPoint = "EVP_CipherFinal_ex")]
    private static partial int Final(nint context, byte* output, out int written);
}
