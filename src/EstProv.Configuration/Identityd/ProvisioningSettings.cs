namespace EstProv.Configuration.Identityd;

/// <summary>
/// <c>[provisioning]</c>: where the device learns its hub from. One record for each source, with what all have in common.
/// </summary>
public abstract record ProvisioningSettings
{
    /// <summary>The table's place in the file.</summary>
    public required Position Position { get; init; }

    /// <summary>What the device shows of itself.</summary>
    public required DeviceAuthentication Authentication { get; init; }

    /// <summary>
    /// <c>trusted_certs</c>: certificate ids that DPS and the hub are verified against; null means the system's store. Never the trust
    /// bundle.
    /// </summary>
    public Positioned<IReadOnlyList<string>>? TrustedCerts { get; init; }

    /// <summary><c>local_gateway_hostname</c>: the parent through which a nested device reaches its hub; null for none.</summary>
    public string? LocalGatewayHostname { get; init; }

    /// <summary>Whether every start provisions anew, while what a former run stored is served; default false.</summary>
    public bool AlwaysReprovisionOnStartup { get; init; }

    /// <summary>Whether a hub that refuses the device's credential has it provisioned again; default true.</summary>
    public bool DynamicReprovisioning { get; init; } = true;
}
