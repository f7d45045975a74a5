namespace EstProv.Configuration.Identityd;

/// <summary>
/// <c>source = "none"</c>: there is no cloud; the device has its identity certificate, and local identities. Its authentication is by
/// certificate.
/// </summary>
public sealed record NoneProvisioning : ProvisioningSettings
{
    /// <summary><c>registration_id</c>: the device's name and its certificate's common name; null leaves both to certd.</summary>
    public string? RegistrationId { get; init; }
}
