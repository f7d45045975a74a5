using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Certd;
using EstProv.Est;

namespace EstProv.Certificates.Issuing;

/// <summary>What a certificate is for; decides its key usage, extended key usage and basic constraints.</summary>
internal enum CertificateProfile
{
    /// <summary>TLS client: est-id, device-id, module-id and whatever the configuration says nothing else of.</summary>
    Client,

    /// <summary>TLS server: module-server.</summary>
    Server,

    /// <summary>A CA: device-ca. It signs end entities only (path length 0) unless the configuration allows more.</summary>
    Ca,
}

internal static class CertificateProfiles
{
    public const string DeviceCa = "device-ca";
    public const string ModuleServer = "module-server";
    public const string ModuleId = "module-id";

    private static readonly AlternativeName[] Host = [new(AlternativeNameKind.Host, "")];

    /// <param name="issuance">Null where the configuration says nothing of it.</param>
    public static CertificateProfile Of(string certId, CertificateIssuance? issuance) => issuance?.Profile switch
    {
        IssuanceProfile.Client => CertificateProfile.Client,
        IssuanceProfile.Server => CertificateProfile.Server,
        IssuanceProfile.Ca => CertificateProfile.Ca,
        _ => certId switch
        {
            DeviceCa => CertificateProfile.Ca,
            ModuleServer => CertificateProfile.Server,
            _ => CertificateProfile.Client,
        },
    };

    /// <summary>The alternative names that a certificate gets: a server is known by its host's where the configuration names none.</summary>
    public static X509Extension? NamesFor(CertificateProfile profile, CertificateIssuance? issuance)
    {
        var names = issuance?.AlternativeNames ?? (profile == CertificateProfile.Server ? Host : []);
        return names.Count == 0 ? null : AlternativeNames.Write(names, HostNames.Read());
    }

    /// <summary>What the CSR of a credential of ours asks for; a server with one profile for all gives its own instead.</summary>
    public static CertificateRequestContent Content(CertificateProfile profile, X500DistinguishedName subject, X509Extension? alternativeNames, int pathLength = 0) => new()
    {
        Subject = subject,
        Ca = profile == CertificateProfile.Ca,
        PathLength = profile == CertificateProfile.Ca ? pathLength : null,
        KeyUsage = profile == CertificateProfile.Ca ? null : X509KeyUsageFlags.DigitalSignature,
        ClientAuthentication = profile == CertificateProfile.Client,
        ServerAuthentication = profile == CertificateProfile.Server,
        AlternativeNames = alternativeNames,
    };
}
