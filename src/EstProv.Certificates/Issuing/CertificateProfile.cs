using System.Security.Cryptography.X509Certificates;
using EstProv.Est;

namespace EstProv.Certificates.Issuing;

/// <summary>What a certificate is for; decides its key usage, extended key usage and basic constraints.</summary>
internal enum CertificateProfile
{
    /// <summary>TLS client: est-id, device-id, module-id and whatever else is configured.</summary>
    Client,

    /// <summary>TLS server: module-server.</summary>
    Server,

    /// <summary>A CA that signs end entities only (path length 0): device-ca.</summary>
    Ca,
}

internal static class CertificateProfiles
{
    public const string DeviceCa = "device-ca";
    public const string ModuleServer = "module-server";

    public static CertificateProfile Of(string certId) => certId switch
    {
        DeviceCa => CertificateProfile.Ca,
        ModuleServer => CertificateProfile.Server,
        _ => CertificateProfile.Client,
    };

    /// <summary>What the CSR of a credential of ours asks for; a server with one profile for all gives its own instead.</summary>
    public static CertificateRequestContent Content(CertificateProfile profile, X500DistinguishedName subject, X509Extension? alternativeNames) => new()
    {
        Subject = subject,
        Ca = profile == CertificateProfile.Ca,
        PathLength = profile == CertificateProfile.Ca ? 0 : null,
        KeyUsage = profile == CertificateProfile.Ca ? null : X509KeyUsageFlags.DigitalSignature,
        ClientAuthentication = profile == CertificateProfile.Client,
        ServerAuthentication = profile == CertificateProfile.Server,
        AlternativeNames = alternativeNames,
    };
}
