using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Pki;

/// <summary>The validity of a certificate, in UTC.</summary>
internal static class Validity
{
    public static bool Includes(X509Certificate2 certificate, DateTimeOffset time)
        => time.UtcDateTime >= certificate.NotBefore.ToUniversalTime() && time.UtcDateTime <= certificate.NotAfter.ToUniversalTime();
}
