using EstProv.Configuration.Identityd;

namespace EstProv.Identity.Provisioning;

/// <summary>What provisioning came to, and for which settings and credential it holds. Kept over restarts.</summary>
/// <remarks>
/// The settings and the certificate are kept as they are and not as hashes: comparing texts needs no crypto library, which an idle daemon
/// then never loads.
/// </remarks>
internal sealed record ProvisionedState
{
    /// <summary>Empty where there is none (<c>source = "none"</c>).</summary>
    public required string Hub { get; init; }

    public required string DeviceId { get; init; }

    /// <summary>The name under which the device is shown: DPS's registration id, else the device id.</summary>
    public required string RegistrationId { get; init; }

    public DeviceAuth Auth { get; init; }

    /// <summary>The parent of a nested device, as it is configured now; null for none. It is not stored.</summary>
    public string? Gateway { get; init; }

    /// <summary>Where the hub is reached, and what callers are told as <c>gatewayHost</c>.</summary>
    public string GatewayHost => Gateway ?? Hub;

    /// <summary>The settings it was made with.</summary>
    public string Source { get; init; } = ProvisioningWords.Dps;

    /// <summary>DPS's; empty with other sources.</summary>
    public required string Endpoint { get; init; }

    /// <summary>DPS's; empty with other sources.</summary>
    public required string ScopeId { get; init; }

    /// <summary>As configured; null when the certificate's name was taken.</summary>
    public string? ConfiguredRegistrationId { get; init; }

    /// <summary>Empty where the device shows a symmetric key.</summary>
    public required string CertificateId { get; init; }

    /// <summary>Of the certificate's key, or of the symmetric key.</summary>
    public required string KeyId { get; init; }

    /// <summary>The device's certificate: base64 of its DER. Empty without one.</summary>
    public required string Certificate { get; init; }

    /// <summary>SHA-256 of its SubjectPublicKeyInfo, base64url. Empty without one.</summary>
    public required string Spki { get; init; }

    /// <summary>
    /// When the device was assigned to this hub under this name first; provisioning again with the same result does not change it.
    /// </summary>
    public required DateTimeOffset Since { get; init; }

    public static ProvisionedState Of(ProvisioningSettings settings, Assignment assignment, string name, ShownCredential shown,
        DateTimeOffset since)
    {
        var dps = settings as DpsProvisioning;
        var credential = shown as DeviceCredential;
        return new ProvisionedState
        {
            Hub = assignment.Hub,
            DeviceId = assignment.DeviceId,
            RegistrationId = name,
            Auth = ProvisioningWords.AuthOf(settings),
            Gateway = settings.LocalGatewayHostname,
            Source = ProvisioningWords.SourceOf(settings),
            Endpoint = dps?.GlobalEndpoint.Value.AbsoluteUri ?? "",
            ScopeId = dps?.ScopeId ?? "",
            ConfiguredRegistrationId = dps is not null ? dps.RegistrationId : (settings as NoneProvisioning)?.RegistrationId,
            CertificateId = credential?.CertificateId ?? "",
            KeyId = settings.Authentication.KeyId,
            Certificate = credential?.Text ?? "",
            Spki = credential?.Spki ?? "",
            Since = since,
        };
    }

    /// <summary>Whether the settings are still those it was made with; else it says nothing about the device any more.</summary>
    public bool BelongsTo(ProvisioningSettings settings)
        => Source == ProvisioningWords.SourceOf(settings) && Auth == ProvisioningWords.AuthOf(settings)
            && KeyId == settings.Authentication.KeyId
            && CertificateId == ((settings.Authentication as CertificateAuthentication)?.CertificateId ?? "")
            && settings switch
            {
                DpsProvisioning dps => Endpoint == dps.GlobalEndpoint.Value.AbsoluteUri && ScopeId == dps.ScopeId
                    && ConfiguredRegistrationId == dps.RegistrationId,
                ManualProvisioning manual => Hub == manual.Hub && DeviceId == manual.DeviceId,
                NoneProvisioning none => ConfiguredRegistrationId == none.RegistrationId,
                _ => false,
            };
}
