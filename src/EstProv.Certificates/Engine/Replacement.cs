using EstProv.Certificates.Store;

namespace EstProv.Certificates.Engine;

/// <summary>A certificate is to be replaced before its own time.</summary>
/// <param name="Of">The certificate that this was found of.</param>
/// <param name="Why"><see cref="Need.IssuerRenewed"/> or <see cref="Need.Distrusted"/>.</param>
/// <param name="From">When its turn is.</param>
/// <param name="Issuer">The CA, for messages.</param>
internal sealed record Replacement(StoredCertificate Of, Need Why, DateTimeOffset From, string Issuer);
