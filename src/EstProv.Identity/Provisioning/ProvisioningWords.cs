using EstProv.Configuration.Identityd;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// The words for sources and credentials, as the configuration, the state file and the answers have them; and settings in words, for the
/// log.
/// </summary>
internal static class ProvisioningWords
{
    public const string Dps = "dps", Manual = "manual", None = "none";

    public static string SourceOf(ProvisioningSettings settings) => settings switch
    {
        DpsProvisioning => Dps,
        ManualProvisioning => Manual,
        _ => None,
    };

    public static DeviceAuth AuthOf(ProvisioningSettings settings)
        => settings is NoneProvisioning ? DeviceAuth.None
            : settings.Authentication is SymmetricKeyAuthentication ? DeviceAuth.Sas : DeviceAuth.X509;

    /// <summary><c>method</c> as it is configured.</summary>
    public static string MethodOf(ProvisioningSettings settings)
        => settings.Authentication is CertificateAuthentication ? "x509" : settings is DpsProvisioning ? "symmetric_key" : "sas";

    public static string Describe(ProvisioningSettings settings) => settings switch
    {
        DpsProvisioning dps => $"source dps, scope {dps.ScopeId} at " +
            $"{dps.GlobalEndpoint.Value}{Registration(dps.RegistrationId)}{Credential(settings)}",
        ManualProvisioning manual => $"source manual, device {manual.DeviceId} at hub {manual.Hub}{Credential(settings)}",
        _ => $"source none{Registration((settings as NoneProvisioning)?.RegistrationId)}{Credential(settings)}",
    };

    public static string Describe(ProvisionedState state) => state.Source switch
    {
        Dps => $"source dps, scope {state.ScopeId} at {state.Endpoint}{Registration(state.ConfiguredRegistrationId)}{Credential(state)}",
        Manual => $"source manual, device {state.DeviceId} at hub {state.Hub}{Credential(state)}",
        _ => $"source none{Registration(state.ConfiguredRegistrationId)}{Credential(state)}",
    };

    /// <summary>Where the device is.</summary>
    public static string At(ProvisionedState state)
        => state.Hub.Length == 0 ? $"device {state.DeviceId}, without a hub" : $"device {state.DeviceId} at hub {state.Hub}";

    /// <summary>What it shows.</summary>
    public static string CredentialOf(ProvisionedState state) => Credential(state)[2..];

    private static string Registration(string? id) => id is null ? "" : $", registration id {id}";

    private static string Credential(ProvisioningSettings settings) => settings.Authentication is CertificateAuthentication certificate
        ? $", certificate {certificate.CertificateId} with key {certificate.KeyId}" : $", symmetric key {settings.Authentication.KeyId}";

    private static string Credential(ProvisionedState state)
        => state.Auth is DeviceAuth.Sas ? $", symmetric key {state.KeyId}" : $", certificate {state.CertificateId} with key {state.KeyId}";
}
