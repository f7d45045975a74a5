using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;

namespace EstProv.Certificates.Tests.Support;

/// <summary>TLS with keys that are in this process.</summary>
internal sealed class SoftIdentities(SoftKeyd keyd) : ITlsIdentities
{
    private readonly HashSet<ShownCredential> _open = [];

    /// <summary>How many are open.</summary>
    public int Count
    {
        get
        {
            lock (_open) return _open.Count;
        }
    }

    public SslStreamCertificateContext Open(ShownCredential shown)
    {
        lock (_open) _open.Add(shown);
        var chain = PemText.Parse(shown.ChainPem!);
        var leaf = keyd.ByHandle(shown.KeyHandle!) switch
        {
            ECDsa ec => chain[0].CopyWithPrivateKey(ec),
            RSA rsa => chain[0].CopyWithPrivateKey(rsa),
            _ => throw new InvalidOperationException(),
        };
        var intermediates = new X509Certificate2Collection();
        for (var i = 1; i < chain.Count; i++) intermediates.Add(chain[i]);
        return SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
    }

    public void Close(ShownCredential shown)
    {
        // The key belongs to the test.
        lock (_open) _open.Remove(shown);
    }
}
