namespace EstProv.Configuration.Identityd;

/// <summary><c>[provisioning.attestation]</c> or <c>[provisioning.authentication]</c>: by what the device shows who it is.</summary>
public abstract record DeviceAuthentication
{
    /// <summary>Key id in keyd: of the certificate's key, or of the symmetric key.</summary>
    public required string KeyId { get; init; }
}
