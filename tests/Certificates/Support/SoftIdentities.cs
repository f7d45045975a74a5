using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;

namespace EstProv.Certificates.Tests.Support;

/// <summary>TLS with keys that are in this process.</summary>
internal sealed class SoftIdentities(SoftKeyd keyd) : ITlsIdentities
{
    public SslStreamCertificateContext Open(ShownCredential shown)
    {
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
    }
}
