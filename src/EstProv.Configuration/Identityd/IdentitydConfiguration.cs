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

    public required ProvisioningSettings Provisioning { get; init; }

    /// <summary><c>[localid]</c>; null where there are no local identities.</summary>
    public LocalIdSettings? LocalId { get; init; }

    public required IReadOnlyList<IdentityPrincipal> Principals { get; init; }
}

/// <summary>One <c>[[principal]]</c>: which local user is which module, or may manage identities.</summary>
public sealed record IdentityPrincipal
{
    /// <summary>What the certificate ids of modules begin with, and their key ids; keyd lets identityd use such keys.</summary>
    public const string ModuleCertificates = "aziot_identityd_module_";

    public required uint Uid { get; init; }

    /// <summary>Module name of a host-level module.</summary>
    public required string Name { get; init; }

    public required IReadOnlyList<string> IdTypes { get; init; }

    /// <summary><c>auth = "x509"</c>: his module shows its hub a certificate; default SAS tokens.</summary>
    public bool IsCertified { get; init; }

    /// <summary>Whether his local identity is a TLS server's; default a client's.</summary>
    public bool IsLocalServer { get; init; }
}
