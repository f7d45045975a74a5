using EstProv.Configuration.Certd;

namespace EstProv.Certificates.Engine;

/// <summary>
/// Which certificate is enrolled as whom: by its own <c>auth</c>, else as <c>[cert_issuance.est]</c> says. An EST identity is always enrolled as itself.
/// </summary>
internal sealed class EstAccesses
{
    private readonly CertdConfiguration _configuration;
    private readonly EstAccess? _shared;
    private readonly Dictionary<string, EstAccess> _identities = new(StringComparer.Ordinal);

    public EstAccesses(CertdConfiguration configuration)
    {
        _configuration = configuration;
        _shared = configuration.Est?.Access;
        if (_shared?.IdentityCert is { } shared) _identities.Add(shared, _shared);
        if (_shared is null) return;
        // What a certificate says of itself as an identity goes before what others say of it.
        foreach (var (id, issuance) in configuration.Issuance)
        {
            if (issuance.Auth?.IdentityCert == id) _identities[id] = issuance.Auth;
        }

        foreach (var issuance in configuration.Issuance.Values)
        {
            if (issuance is { Method: IssuanceMethod.Est, Auth: { IdentityCert: { } identity } auth }) _identities.TryAdd(identity, auth);
        }
    }

    /// <summary>The EST identities by certificate id.</summary>
    public IReadOnlyDictionary<string, EstAccess> Identities => _identities;

    public EstAccess? Of(string id) =>
        _identities.GetValueOrDefault(id) ?? _configuration.Issuance.GetValueOrDefault(id)?.Auth ?? _shared;
}
