namespace EstProv.Configuration.Certd;

/// <summary>The Certificates Service's configuration (<c>certd.toml</c>).</summary>
public sealed record CertdConfiguration
{
    /// <summary>State folder; default <c>/var/lib/estprov/certd</c>.</summary>
    public required string HomedirPath { get; init; }

    /// <summary>Requests in progress per uid; default 10.</summary>
    public required int MaxRequests { get; init; }

    /// <summary>Further sockets to serve on; default none.</summary>
    public IReadOnlyList<string> AliasSockets { get; init; } = [];

    /// <summary><c>[cert_issuance]</c>: certificate id to how it is issued.</summary>
    public required IReadOnlyDictionary<string, CertificateIssuance> Issuance { get; init; }

    /// <summary><c>[cert_issuance.est]</c>; null when nothing comes over EST.</summary>
    public EstIssuance? Est { get; init; }

    /// <summary><c>[preloaded_certs]</c>: certificate id to a file of the operator's.</summary>
    public required IReadOnlyDictionary<string, Positioned<string>> PreloadedFiles { get; init; }

    /// <summary><c>[preloaded_certs]</c>: certificate id to the ids that it is made of, such as <c>trust-bundle</c>.</summary>
    public required IReadOnlyDictionary<string, Positioned<IReadOnlyList<string>>> PreloadedBundles { get; init; }

    /// <summary><c>distrusted</c>: CAs that are trusted no more; default none.</summary>
    public IReadOnlyList<IssuerName> Distrusted { get; init; } = [];

    /// <summary><c>distrust_spread</c>; default a day.</summary>
    public TimeSpan DistrustSpread { get; init; } = TimeSpan.FromDays(1);

    public required IReadOnlyList<CertificatePrincipal> Principals { get; init; }
}

public enum IssuanceMethod
{
    /// <summary><c>"est"</c>: enrolled at the EST server.</summary>
    Est,

    /// <summary><c>"device-ca"</c>: minted locally with the device CA's key.</summary>
    DeviceCa,

    /// <summary><c>"self_signed"</c>: signed with its own key.</summary>
    SelfSigned,
}

/// <summary>What a certificate is for.</summary>
public enum IssuanceProfile
{
    Client,
    Server,
    Ca,
}

/// <summary>How one certificate id is issued: a plain string in <c>[cert_issuance]</c>, or a table with more to say.</summary>
public sealed record CertificateIssuance
{
    public required IssuanceMethod Method { get; init; }

    /// <summary>Where the entry stands.</summary>
    public required Position Position { get; init; }

    /// <summary><c>key_algorithm</c>: <c>ec-p256</c> (default), <c>ec-p384</c>, <c>rsa-2048</c> and so on; preferences are separated by a colon.</summary>
    public required string KeyAlgorithm { get; init; }

    /// <summary>Whether the file says so: then an EST server's wish for another key does not count.</summary>
    public bool KeyAlgorithmIsConfigured { get; init; }

    /// <summary><c>common_name</c>, or the CN of <c>subject</c>; null leaves it to the rules for the id.</summary>
    public string? CommonName { get; init; }

    /// <summary><c>subject</c>, in its order, the CN among it where there is one; null for a subject that is a common name alone.</summary>
    public IReadOnlyList<SubjectField>? Subject { get; init; }

    /// <summary><c>profile</c>; null leaves it to the rules for the id.</summary>
    public IssuanceProfile? Profile { get; init; }

    /// <summary><c>alternative_names</c>; null leaves them to the profile.</summary>
    public IReadOnlyList<AlternativeName>? AlternativeNames { get; init; }

    /// <summary><c>expiry_days</c>, of what is made on the device; null for the default.</summary>
    public int? ExpiryDays { get; init; }

    /// <summary><c>path_length</c>, of a CA; null for 0.</summary>
    public int? PathLength { get; init; }

    /// <summary><c>url</c>, the base URL with <c>/simpleenroll</c> already taken off; null for those of <c>[cert_issuance.est.urls]</c>.</summary>
    public Positioned<Uri>? Url { get; init; }

    /// <summary><c>auth</c>; null for what <c>[cert_issuance.est]</c> says.</summary>
    public EstAccess? Auth { get; init; }

    /// <summary><c>csr</c>; null leaves everything to the defaults for the id.</summary>
    public CsrPolicy? Csr { get; init; }

    /// <summary><c>renewal</c>; null leaves everything to the default.</summary>
    public RenewalSettings? Renewal { get; init; }
}

/// <summary><c>[cert_issuance.est]</c>.</summary>
public sealed record EstIssuance
{
    public required EstAuthentication Method { get; init; }

    public required Position Position { get; init; }

    /// <summary>Id of the EST identity certificate; never null with <see cref="EstAuthentication.X509"/>.</summary>
    public string? IdentityCert { get; init; }

    /// <summary>Key id of its key; null exactly when <see cref="IdentityCert"/> is.</summary>
    public string? IdentityPk { get; init; }

    /// <summary>Id of the bootstrap certificate and of its key; null without one.</summary>
    public string? BootstrapIdentityCert { get; init; }

    public string? BootstrapIdentityPk { get; init; }

    public required BootstrapUse BootstrapUse { get; init; }

    /// <summary>HTTP authentication, beside or instead of a client certificate; null without.</summary>
    public string? Username { get; init; }

    /// <summary>File with the password, read at each use; null without.</summary>
    public Positioned<string>? PasswordFile { get; init; }

    /// <summary><c>http_authentication = "digest"</c>: the password is never sent itself.</summary>
    public bool PasswordIsHashed { get; init; }

    /// <summary><c>trusted_certs</c>: certificate ids that EST servers are verified against; null means the trust bundle.</summary>
    public Positioned<IReadOnlyList<string>>? TrustedCerts { get; init; }

    /// <summary><c>trust = "system"</c>: the system's store is trusted too.</summary>
    public required bool TrustSystem { get; init; }

    /// <summary><c>rescue_certs</c>: certificate ids whose owners may sign rescue files; null means nobody.</summary>
    public Positioned<IReadOnlyList<string>>? RescueCerts { get; init; }

    /// <summary><c>ca_fingerprint</c>: SHA-256 of a CA certificate that EST servers are verified against once it has been fetched; null without.</summary>
    public Positioned<byte[]>? CaFingerprint { get; init; }

    /// <summary><c>proxy</c>: URL, or <c>none</c>; null leaves it to the environment. May hold a password.</summary>
    public Positioned<string>? Proxy { get; init; }

    /// <summary><c>channel_binding</c>: requests name the TLS session that they go over.</summary>
    public bool ChannelBinding { get; init; }

    /// <summary><c>[cert_issuance.est.headers]</c>: names and values of HTTP headers that go with every request.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Who we are to the server where a certificate says nothing else.</summary>
    public EstAccess Access => new()
    {
        Position = Position,
        IdentityCert = Method == EstAuthentication.X509 ? IdentityCert : null,
        IdentityPk = Method == EstAuthentication.X509 ? IdentityPk : null,
        BootstrapIdentityCert = BootstrapIdentityCert,
        BootstrapIdentityPk = BootstrapIdentityPk,
        BootstrapUse = BootstrapUse,
        Username = Username,
        PasswordFile = PasswordFile,
    };

    /// <summary><c>[cert_issuance.est.renewal]</c>, of EST identities; null leaves everything to the default.</summary>
    public RenewalSettings? Renewal { get; init; }

    /// <summary><c>[cert_issuance.est.urls]</c>: certificate id, or <c>default</c>, to the base URL, with <c>/simpleenroll</c> already taken off.</summary>
    public required IReadOnlyDictionary<string, Positioned<Uri>> Urls { get; init; }
}

public enum EstAuthentication
{
    /// <summary><c>"x509"</c>: TLS client certificate.</summary>
    X509,

    /// <summary><c>"basic"</c>: HTTP Basic only.</summary>
    Basic,
}

/// <summary>When the bootstrap identity may be used.</summary>
public enum BootstrapUse
{
    /// <summary>Only while there never was an EST identity.</summary>
    FirstIssue,

    /// <summary>Also when the EST identity has expired by believed time (default).</summary>
    Expired,

    /// <summary>Whenever the EST identity does not work.</summary>
    Always,
}

/// <summary>One <c>[[principal]]</c>: who may have which certificates issued, imported and deleted. Reading needs none.</summary>
public sealed record CertificatePrincipal
{
    public required uint Uid { get; init; }

    /// <summary>Certificate ids with the wildcards <c>*</c> and <c>?</c>.</summary>
    public required IReadOnlyList<string> Certs { get; init; }

    /// <summary>What his requests for these may ask; null for what the certificates say of all callers.</summary>
    public CsrPolicy? Csr { get; init; }

    /// <summary>Certificate ids that he may name as issuer; the right to one's key in keyd is another matter.</summary>
    public required IReadOnlyList<string> Issuers { get; init; }

    /// <summary>He may bring a one-time credential or a signed rescue file.</summary>
    public bool MayRescue { get; init; }

    /// <summary>He may say which CAs are trusted no more.</summary>
    public bool MayDistrust { get; init; }
}
