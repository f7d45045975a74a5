using System.Net.Security;
using System.Security.Cryptography;
using EstProv.Certificates.Store;
using EstProv.Keys.Tls;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>Makes TLS client certificates of credentials whose keys are in keyd.</summary>
internal interface ITlsIdentities
{
    /// <summary>Valid until <see cref="Close"/>.</summary>
    /// <exception cref="ProblemException">keyd's; <c>provider_missing</c>, <c>provider_failed</c>, <c>key_mismatch</c>.</exception>
    SslStreamCertificateContext Open(ShownCredential shown);

    /// <summary>It will not be used any more. No error when it is not open.</summary>
    void Close(ShownCredential shown);
}

/// <summary>Through the OpenSSL provider: the keys stay in keyd.</summary>
internal sealed class ProviderIdentities(ProviderKeys keys) : ITlsIdentities, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ShownCredential, TlsIdentity> _open = [];

    public SslStreamCertificateContext Open(ShownCredential shown)
    {
        shown = shown.InTls;
        lock (_gate)
        {
            if (_open.TryGetValue(shown, out var known)) return known.Context;
            try
            {
                return (_open[shown] = keys.Open(shown.KeyHandle!, PemText.Parse(shown.ChainPem!))).Context;
            }
            catch (CryptographicException cause)
            {
                throw new ProblemException("preloaded_no_certificate", $"the certificate '{shown.Name}' or one of its chain cannot be read",
                    "where it is one of [preloaded_certs] its file was cut or changed: bring it anew; of another one see 'estprov cert show ID --pem'", 503, cause);
            }
        }
    }

    public void Close(ShownCredential shown)
    {
        lock (_gate)
        {
            if (!_open.Remove(shown.InTls, out var known)) return;
            known.Dispose();
            keys.Forget(known.KeyHandle);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var identity in _open.Values) identity.Dispose();
            _open.Clear();
        }
    }
}
