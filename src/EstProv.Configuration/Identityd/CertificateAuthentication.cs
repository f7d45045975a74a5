namespace EstProv.Configuration.Identityd;

/// <summary><c>method = "x509"</c>: a certificate of certd's whose key is in keyd.</summary>
public sealed record CertificateAuthentication : DeviceAuthentication
{
    /// <summary><c>identity_cert</c>: its certificate id.</summary>
    public required string CertificateId { get; init; }
}
