using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Identity.Modules;

namespace EstProv.Identity.Tests.Support;

/// <summary>Modules' certificates from one place, all others from another.</summary>
internal sealed class RoutedCertificates(ICertificateClient ofModules, ICertificateClient others) : ICertificateClient
{
    public Task<CredentialAnswer> EnsureAsync(string certId, string keyId, string? commonName, TimeSpan wait, CancellationToken cancel)
        => Of(certId).EnsureAsync(certId, keyId, commonName, wait, cancel);

    public Task ConfirmAsync(string certId, ReadOnlyMemory<byte> spkiSha256, CancellationToken cancel)
        => Of(certId).ConfirmAsync(certId, spkiSha256, cancel);

    public Task RefuseAsync(string certId, ReadOnlyMemory<byte> spkiSha256, string reason, CancellationToken cancel)
        => Of(certId).RefuseAsync(certId, spkiSha256, reason, cancel);

    public Task<X509Certificate2Collection> GetAsync(string certId, CancellationToken cancel) => Of(certId).GetAsync(certId, cancel);

    private ICertificateClient Of(string certId) => ModuleCertificates.IsId(certId) ? ofModules : others;
}
