using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Pki;

/// <summary>Thumbprints as DPS and hub know certificates by: SHA-1 or SHA-256, hex in any case.</summary>
internal static class Thumbprint
{
    public static bool IsOneOf(X509Certificate2 certificate, params IEnumerable<string?> registered)
    {
        var sha256 = certificate.GetCertHashString(HashAlgorithmName.SHA256);
        var sha1 = certificate.Thumbprint;
        foreach (var thumbprint in registered)
        {
            if (sha256.Equals(thumbprint, StringComparison.OrdinalIgnoreCase) || sha1.Equals(thumbprint, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    public static bool IsWellFormed(string thumbprint)
    {
        foreach (var c in thumbprint)
        {
            if (!char.IsAsciiHexDigit(c))
            {
                return false;
            }
        }

        return thumbprint.Length is 40 or 64;
    }
}
