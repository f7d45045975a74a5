namespace EstProv.Configuration.Identityd;

/// <summary><c>source = "manual"</c>: the hub and the device's name in it stand in the file.</summary>
public sealed record ManualProvisioning : ProvisioningSettings
{
    /// <summary><c>iothub_hostname</c>, with a port where it is not 443.</summary>
    public required string Hub { get; init; }

    public required string DeviceId { get; init; }
}
