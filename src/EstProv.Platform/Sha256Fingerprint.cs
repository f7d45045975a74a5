using System.Security.Cryptography;

namespace EstProv.Platform;

/// <summary>A certificate's fingerprint as operators hand it on: <c>sha256:</c> and the SHA-256 of its DER in hexadecimal, with or without colons.</summary>
public static class Sha256Fingerprint
{
    private const string Prefix = "sha256:";

    /// <returns>The 32 bytes; null when it is no such fingerprint.</returns>
    public static byte[]? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) return null;
        var digits = text[Prefix.Length..].Replace(":", "", StringComparison.Ordinal);
        var hash = new byte[SHA256.HashSizeInBytes];
        return digits.Length == 2 * hash.Length && Convert.FromHexString(digits, hash, out _, out _) == System.Buffers.OperationStatus.Done ? hash : null;
    }

    public static string Text(ReadOnlySpan<byte> hash) => Prefix + Convert.ToHexStringLower(hash);

    /// <summary>That of a certificate.</summary>
    /// <param name="der">The certificate.</param>
    public static string Of(ReadOnlySpan<byte> der) => Text(SHA256.HashData(der));
}
