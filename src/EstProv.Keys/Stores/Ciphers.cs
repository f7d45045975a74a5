using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>What all kinds of decryption share.</summary>
internal static class Ciphers
{
    /// <summary>Bytes of the tag of AES-GCM.</summary>
    public const int TagLength = 16;

    /// <summary>Whatever is wrong with it is not told apart: that would help who guesses (RFC 8017 section 7.1.2, note).</summary>
    public static ProblemException Invalid(string key) => new("ciphertext_invalid",
        $"the ciphertext was not made for {key}, or it has been changed", "give the same key, algorithm, iv and aad that it was encrypted with", 400);
}
