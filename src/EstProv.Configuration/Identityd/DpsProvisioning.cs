namespace EstProv.Configuration.Identityd;

/// <summary><c>source = "dps"</c>: Azure's Device Provisioning Service assigns the hub.</summary>
public sealed record DpsProvisioning : ProvisioningSettings
{
    public required string ScopeId { get; init; }

    /// <summary>Default <c>https://global.azure-devices-provisioning.net</c>.</summary>
    public required Positioned<Uri> GlobalEndpoint { get; init; }

    /// <summary>
    /// <c>registration_id</c>; null means the common name of the device's certificate, and is not possible with a symmetric key.
    /// </summary>
    public string? RegistrationId { get; init; }

    /// <summary><c>payload</c>: path of a JSON file that is sent along with each registration; null for none.</summary>
    public Positioned<string>? PayloadFile { get; init; }
}
