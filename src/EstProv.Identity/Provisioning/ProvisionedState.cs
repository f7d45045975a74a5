using EstProv.Configuration.Identityd;

namespace EstProv.Identity.Provisioning;

/// <summary>What a registration came to, and for which settings and certificate it holds. Kept over restarts.</summary>
/// <remarks>
/// The settings and the certificate are kept as they are and not as hashes: comparing texts needs no crypto library, which an idle daemon
/// then never loads.
/// </remarks>
internal sealed record ProvisionedState
{
    public required string Hub { get; init; }

    public required string DeviceId { get; init; }

    public required string RegistrationId { get; init; }

    public DeviceAuth Auth { get; init; }

    /// <summary>The settings it was made with.</summary>
    public required string Endpoint { get; init; }

    public required string ScopeId { get; init; }

    /// <summary>As configured; null when the certificate's name was taken.</summary>
    public string? ConfiguredRegistrationId { get; init; }

    public required string CertificateId { get; init; }

    public required string KeyId { get; init; }

    /// <summary>The device's certificate: base64 of its DER.</summary>
    public required string Certificate { get; init; }

    /// <summary>SHA-256 of its SubjectPublicKeyInfo, base64url.</summary>
    public required string Spki { get; init; }

    /// <summary>When the device was assigned to this hub under this name first; registering again with the same result does not change it.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Whether the settings are still those it was made with; else it says nothing about the device any more.</summary>
    public bool BelongsTo(DpsProvisioning settings)
        => Endpoint == settings.GlobalEndpoint.Value.AbsoluteUri && ScopeId == settings.ScopeId && ConfiguredRegistrationId == settings.RegistrationId
            && CertificateId == settings.IdentityCert && KeyId == settings.IdentityPk;
}
