using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Keys.Tls;

/// <summary>A certificate with its chain, and a key that stays in the Key Service: what a TLS client or server shows and proves.</summary>
/// <remarks>Each full handshake costs one signature by keyd, a resumed one none. Safe from any thread.</remarks>
public sealed class TlsIdentity : IDisposable
{
    internal TlsIdentity(string keyHandle, X509Certificate2 certificate, X509Certificate2Collection intermediates)
    {
        KeyHandle = keyHandle;
        Certificate = certificate;
        // offline: no download of issuers named by the certificate; what is sent is what was stored.
        Context = SslStreamCertificateContext.Create(certificate, intermediates, offline: true);
    }

    /// <summary>Pinned to the very key pair of <see cref="Certificate"/>.</summary>
    public string KeyHandle { get; }

    /// <summary>The leaf, with the provider's key as its private key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>For <see cref="SslClientAuthenticationOptions.ClientCertificateContext"/> and its server counterpart.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Ends the use of the certificate. The opened key stays with its <see cref="ProviderKeys"/>.</summary>
    public void Dispose() => Certificate.Dispose();
}
