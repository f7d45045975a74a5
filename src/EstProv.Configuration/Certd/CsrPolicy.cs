namespace EstProv.Configuration.Certd;

/// <summary>
/// What a caller's certificate request may ask: <c>[cert_issuance.ID.csr]</c>, and for one caller <c>[principal.csr]</c>. What is null is left to the
/// next one: the principal's, the certificate's, then the default of the id.
/// </summary>
public sealed record CsrPolicy
{
    /// <summary>Where the table stands.</summary>
    public required Position Position { get; init; }

    /// <summary><c>subject</c>: <c>*</c>, <c>host</c>, or <c>CN=pattern</c> and the like for each attribute.</summary>
    public IReadOnlyList<string>? Subject { get; init; }

    /// <summary>
    /// <c>alternative_names</c>: <c>*</c>, <c>host</c>, <c>DNS:pattern</c>, <c>IP:address</c>, <c>IP:network/length</c>, <c>URI:pattern</c>, <c>email:pattern</c>.
    /// </summary>
    public IReadOnlyList<string>? AlternativeNames { get; init; }

    /// <summary><c>usages</c>: <c>server</c>, <c>client</c>.</summary>
    public IReadOnlyList<string>? Usages { get; init; }

    /// <summary><c>ca</c>: whether a CA certificate may be asked for.</summary>
    public bool? Ca { get; init; }

    /// <summary><c>path_length</c>: how many CAs may follow below such a CA.</summary>
    public int? PathLength { get; init; }
}
