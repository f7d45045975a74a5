namespace EstProv.Configuration.Identityd;

/// <summary><c>[localid]</c>: what local identities have in common.</summary>
public sealed record LocalIdSettings
{
    /// <summary>The end of each one's common name.</summary>
    public required string Domain { get; init; }

    /// <summary>The certificate id of certd's that they are issued under; null for an id like each one's name.</summary>
    public string? CertId { get; init; }
}
