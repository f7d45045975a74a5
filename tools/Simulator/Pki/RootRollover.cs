using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Pki;

/// <summary>The EST server's next root with what RFC 4210 section 4.4 has published about it.</summary>
public sealed record RootRollover
{
    private RootRollover(Authority old, Authority next, DateTimeOffset now)
    {
        Old = old;
        Next = next;
        NewWithOld = Cross(next, old, now);
        OldWithNew = Cross(old, next, now);
    }

    public Authority Old { get; }

    /// <summary>NewWithNew, with its key.</summary>
    public Authority Next { get; }

    public X509Certificate2 NewWithOld { get; }

    public X509Certificate2 OldWithNew { get; }

    /// <summary>What cacerts gives beside the issuing CAs while both roots are in use.</summary>
    public X509Certificate2Collection Published => [Old.Certificate, Next.Certificate, NewWithOld, OldWithNew];

    public static RootRollover Between(Authority old, Authority next, DateTimeOffset now) => new(old, next, now);

    private static X509Certificate2 Cross(Authority subject, Authority signer, DateTimeOffset now)
    {
        var certificate = subject.Certificate;
        var request = new CertificateRequest(certificate.SubjectName, certificate.PublicKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        CertificateMaker.AddAuthorityExtensions(request, pathLength: null);
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(certificate.PublicKey, critical: false));
        return CertificateMaker.Sign(request, signer, now - TimeSpan.FromDays(1), now + TimeSpan.FromDays(3650));
    }
}
