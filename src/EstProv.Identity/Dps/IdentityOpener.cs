using System.Net.Security;
using EstProv.Identity.Provisioning;

namespace EstProv.Identity.Dps;

/// <summary>Makes a TLS client of a credential.</summary>
/// <exception cref="Platform.ProblemException">The Key Service's or the OpenSSL provider's.</exception>
internal delegate OpenedIdentity IdentityOpener(DeviceCredential credential);

/// <summary>What the TLS client shows, and what is to be given up after it.</summary>
internal sealed record OpenedIdentity(SslStreamCertificateContext Context, IDisposable? Owner) : IDisposable
{
    public void Dispose() => Owner?.Dispose();
}
