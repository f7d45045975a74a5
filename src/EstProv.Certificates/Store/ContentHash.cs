namespace EstProv.Certificates.Store;

/// <summary>
/// FNV-1a, 64 bits: tells whether an operator's file has changed. No defence against an adversary, who could write our state as well; SHA-256
/// would load libcrypto into a daemon that otherwise idles without it.
/// </summary>
internal static class ContentHash
{
    public static string Of(ReadOnlySpan<byte> content)
    {
        var hash = 0xcbf29ce484222325UL;
        foreach (var b in content) hash = (hash ^ b) * 0x100000001b3UL;
        return hash.ToString("x16");
    }
}
