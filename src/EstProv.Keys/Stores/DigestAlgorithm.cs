using System.Security.Cryptography;

namespace EstProv.Keys.Stores;

/// <summary>The hash that made a digest.</summary>
internal enum DigestAlgorithm
{
    Sha256,
    Sha384,
    Sha512,
}

internal static class DigestAlgorithms
{
    /// <summary>Bytes of the longest digest.</summary>
    public const int LongestDigest = 64;

    /// <summary>Bytes of the longest DigestInfo.</summary>
    public const int LongestDigestInfo = 19 + LongestDigest;

    // DigestInfo ::= SEQUENCE { digestAlgorithm SEQUENCE { OID sha2, NULL }, digest OCTET STRING }, RFC 8017 section 9.2, note 1;
    // here up to the digest itself.
    private static ReadOnlySpan<byte> Sha256Prefix =>
        [0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

    private static ReadOnlySpan<byte> Sha384Prefix =>
        [0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30];

    private static ReadOnlySpan<byte> Sha512Prefix =>
        [0x30, 0x51, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40];

    public static int Length(this DigestAlgorithm algorithm) => algorithm switch
    {
        DigestAlgorithm.Sha256 => 32,
        DigestAlgorithm.Sha384 => 48,
        _ => 64,
    };

    /// <summary>As the framework names it.</summary>
    public static HashAlgorithmName Name(this DigestAlgorithm algorithm) => algorithm switch
    {
        DigestAlgorithm.Sha256 => HashAlgorithmName.SHA256,
        DigestAlgorithm.Sha384 => HashAlgorithmName.SHA384,
        _ => HashAlgorithmName.SHA512,
    };

    /// <summary>The hash whose digests are this long, if there is one.</summary>
    public static bool TryFromLength(int length, out DigestAlgorithm algorithm)
    {
        (algorithm, var known) = length switch
        {
            32 => (DigestAlgorithm.Sha256, true),
            48 => (DigestAlgorithm.Sha384, true),
            64 => (DigestAlgorithm.Sha512, true),
            _ => (default, false),
        };
        return known;
    }

    /// <summary>The names of the wire: <c>sha256</c>, <c>sha384</c>, <c>sha512</c>.</summary>
    public static bool TryFromName(ReadOnlySpan<char> name, out DigestAlgorithm algorithm)
    {
        (algorithm, var known) = name switch
        {
            "sha256" => (DigestAlgorithm.Sha256, true),
            "sha384" => (DigestAlgorithm.Sha384, true),
            "sha512" => (DigestAlgorithm.Sha512, true),
            _ => (default, false),
        };
        return known;
    }

    /// <summary>Writes the DigestInfo that PKCS#1 v1.5 pads; returns its length.</summary>
    public static int WriteDigestInfo(this DigestAlgorithm algorithm, ReadOnlySpan<byte> digest, Span<byte> destination)
    {
        var prefix = Prefix(algorithm);
        prefix.CopyTo(destination);
        digest.CopyTo(destination[prefix.Length..]);
        return prefix.Length + digest.Length;
    }

    /// <summary>The hash and the digest of a DigestInfo, if it is one of ours.</summary>
    public static bool TryReadDigestInfo(ReadOnlySpan<byte> info, out DigestAlgorithm algorithm, out ReadOnlySpan<byte> digest)
    {
        foreach (var candidate in (ReadOnlySpan<DigestAlgorithm>)[DigestAlgorithm.Sha256, DigestAlgorithm.Sha384, DigestAlgorithm.Sha512])
        {
            var prefix = Prefix(candidate);
            if (!info.StartsWith(prefix) || info.Length != prefix.Length + candidate.Length()) continue;
            algorithm = candidate;
            digest = info[prefix.Length..];
            return true;
        }

        algorithm = default;
        digest = default;
        return false;
    }

    private static ReadOnlySpan<byte> Prefix(DigestAlgorithm algorithm) => algorithm switch
    {
        DigestAlgorithm.Sha256 => Sha256Prefix,
        DigestAlgorithm.Sha384 => Sha384Prefix,
        _ => Sha512Prefix,
    };
}
