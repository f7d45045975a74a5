using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Pki;

/// <summary>A CA of the simulator: its certificate with key.</summary>
public sealed class Authority(string name, X509Certificate2 certificate, Authority? issuer)
{
    /// <summary>Name of its files, without extension.</summary>
    public string Name => name;

    public X509Certificate2 Certificate => certificate;

    /// <summary>Who has signed it; null = self-signed.</summary>
    public Authority? Issuer => issuer;

    public Authority Root => issuer is null ? this : issuer.Root;

    public X509SignatureGenerator Generator()
    {
        var ec = certificate.GetECDsaPrivateKey();
        if (ec is not null)
        {
            return X509SignatureGenerator.CreateForECDsa(ec);
        }

        return X509SignatureGenerator.CreateForRSA(certificate.GetRSAPrivateKey()!, RSASignaturePadding.Pkcs1);
    }
}
