namespace EstProv.Configuration.Identityd;

/// <summary>The Identity Service's configuration (<c>identityd.toml</c>).</summary>
public sealed record IdentitydConfiguration
{
    /// <summary>State folder; default <c>/var/lib/estprov/identityd</c>.</summary>
    public required string HomedirPath { get; init; }

    /// <summary>Requests in progress per uid; default 10.</summary>
    public required int MaxRequests { get; init; }

    /// <summary>Further sockets to serve on; default none.</summary>
    public IReadOnlyList<string> AliasSockets { get; init; } = [];

    public required DpsProvisioning Provisioning { get; init; }

    /// <summary><c>[localid]</c>; null where there are no local identities.</summary>
    public LocalIdSettings? LocalId { get; init; }

    public required IReadOnlyList<IdentityPrincipal> Principals { get; init; }
}

/// <summary><c>[provisioning]</c> with <c>source = "dps"</c>, and its <c>[provisioning.attestation]</c> with <c>method = "x509"</c>.</summary>
public sealed record DpsProvisioning
{
    public required string ScopeId { get; init; }

    /// <summary>Default <c>https://global.azure-devices-provisioning.net</c>.</summary>
    public required Positioned<Uri> GlobalEndpoint { get; init; }

    /// <summary><c>trusted_certs</c>: certificate ids that DPS is verified against; null means the system's store. Never the trust bundle.</summary>
    public Positioned<IReadOnlyList<string>>? TrustedCerts { get; init; }

    /// <summary><c>registration_id</c>; null means the common name of the device's certificate.</summary>
    public string? RegistrationId { get; init; }

    /// <summary>Id of the device identity certificate; its key id.</summary>
    public required string IdentityCert { get; init; }

    public required string IdentityPk { get; init; }
}

/// <summary>One <c>[[principal]]</c>: which local user is which module, or may manage identities.</summary>
public sealed record IdentityPrincipal
{
    public required uint Uid { get; init; }

    /// <summary>Module name of a host-level module.</summary>
    public required string Name { get; init; }

    public required IReadOnlyList<string> IdTypes { get; init; }

    /// <summary>Whether his local identity is a TLS server's; default a client's.</summary>
    public bool IsLocalServer { get; init; }
}
