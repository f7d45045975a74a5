using System.Security.Cryptography;
using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>Uses a fresh symmetric key once for each of its purposes: what a token holds it may still be unable to use.</summary>
internal static class SecretTrial
{
    /// <exception cref="ProblemException"><c>mechanism_missing</c>.</exception>
    public static void Run(StoredSecret secret, string name)
    {
        try
        {
            Span<byte> mac = stackalloc byte[StoredSecret.Length];
            if (secret.Usage.NeedsMac()) secret.Mac(mac, mac);
            if ((secret.Usage & SecretUsage.Encrypt) == SecretUsage.None) return;

            // An initialization vector of another length than 12 is what not every token has; it is random, as one is never used twice.
            Span<byte> iv = stackalloc byte[16];
            Span<byte> sealedText = stackalloc byte[StoredSecret.Length + Ciphers.TagLength];
            Span<byte> opened = stackalloc byte[StoredSecret.Length];
            RandomNumberGenerator.Fill(iv);
            secret.Encrypt(iv, iv, mac, sealedText);
            secret.Decrypt(iv, iv, sealedText, opened);
            if (opened.SequenceEqual(mac)) return;
        }
        catch (ProblemException problem) when (problem.Code is "key_type" or "key_usage" or "ciphertext_invalid")
        {
            throw Missing(name, problem);
        }

        throw Missing(name, null);
    }

    private static ProblemException Missing(string name, ProblemException? cause) => new("mechanism_missing",
        $"the token holds {name}, but cannot use it" + (cause is null ? "" : $" ({cause.Code})"),
        "make it again with CKA_SIGN for MACs, with CKA_ENCRYPT and CKA_DECRYPT to encrypt; "
            + "or let the Key Service make it, which finds a place where it works", 400, cause);
}
