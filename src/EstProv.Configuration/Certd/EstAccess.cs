namespace EstProv.Configuration.Certd;

/// <summary>
/// Who we are to an EST server: what <c>[cert_issuance.est]</c> says of it, or <c>[cert_issuance.ID.auth]</c> for one certificate. With
/// <see cref="IdentityCert"/> by TLS client certificate, else by HTTP Basic alone.
/// </summary>
public sealed record EstAccess
{
    public required Position Position { get; init; }

    /// <summary>Id of the EST identity certificate; null with HTTP Basic alone.</summary>
    public string? IdentityCert { get; init; }

    /// <summary>Key id of its key; null exactly when <see cref="IdentityCert"/> is.</summary>
    public string? IdentityPk { get; init; }

    /// <summary>Id of the bootstrap certificate and of its key; null without one.</summary>
    public string? BootstrapIdentityCert { get; init; }

    public string? BootstrapIdentityPk { get; init; }

    public BootstrapUse BootstrapUse { get; init; } = BootstrapUse.Expired;

    /// <summary>HTTP Basic, beside or instead of a client certificate; null without.</summary>
    public string? Username { get; init; }

    /// <summary>File with the Basic password, read at each use; null without.</summary>
    public Positioned<string>? PasswordFile { get; init; }
}
