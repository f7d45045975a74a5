using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Est;

/// <summary>Keys made by the server (RFC 7030 section 4.4), plain, or encrypted for the RSA key of the TLS client certificate.</summary>
internal static class EstKeyGeneration
{
    public const string MediaType = $"multipart/mixed; boundary={Boundary}";

    private const string Boundary = "estServerKeyGenBoundary";
    private const string AsymmetricDecryptKey = "1.2.840.113549.1.9.16.2.54"; // id-aa-asymmDecryptKeyID
    private const string KeyPackage = "2.16.840.1.101.2.1.2.78.5"; // id-ct-KP-aKeyPackage, RFC 5958
    private const string SignedData = "1.2.840.113549.1.7.2";

    /// <summary>Whom the key is to be encrypted for; null with <paramref name="problem"/> empty = nobody, else = that cannot be done.</summary>
    public static X509Certificate2? Recipient(SigningRequest request, X509Certificate2? client, out string problem)
    {
        problem = "";
        var attributes = CertificateRequest.LoadSigningRequest(request.Der, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions).OtherRequestAttributes;
        var wanted = attributes.FirstOrDefault(attribute => attribute.Oid?.Value == AsymmetricDecryptKey);
        if (wanted is null)
        {
            return null;
        }

        var identifier = new AsnReader(wanted.RawData, AsnEncodingRules.DER).ReadOctetString();
        if (client?.PublicKey.GetRSAPublicKey() is not null && Identifier(client).AsSpan().SequenceEqual(identifier))
        {
            return client;
        }

        problem = "the key to encrypt for is not known, or not RSA";
        return null;
    }

    public static byte[] Answer(ECDsa key, X509Certificate2? recipient, Authority authority, byte[] certificates, EstQuirks quirks)
    {
        var pkcs8 = key.ExportPkcs8PrivateKey();
        var type = recipient is null ? "application/pkcs8" : "application/pkcs7-mime; smime-type=server-generated-key";
        var encoded = Encoding.ASCII.GetString(EstBody.Encode(recipient is null ? pkcs8 : Encrypt(pkcs8, recipient, authority), quirks));
        return Encoding.ASCII.GetBytes($"--{Boundary}\r\nContent-Type: {type}\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n"
            + $"--{Boundary}\r\nContent-Type: application/pkcs7-mime; smime-type=certs-only\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + $"{Encoding.ASCII.GetString(EstBody.Encode(certificates, quirks))}\r\n--{Boundary}--\r\n");
    }

    // EnvelopedData of SignedData of AsymmetricKeyPackage ::= SEQUENCE SIZE (1..MAX) OF OneAsymmetricKey
    private static byte[] Encrypt(byte[] pkcs8, X509Certificate2 recipient, Authority authority)
    {
        var package = new AsnWriter(AsnEncodingRules.DER);
        using (package.PushSequence())
        {
            package.WriteEncodedValue(pkcs8);
        }

        var signed = new SignedCms(new ContentInfo(new Oid(KeyPackage), package.Encode()));
        signed.ComputeSignature(new CmsSigner(SubjectIdentifierType.IssuerAndSerialNumber, authority.Certificate) { IncludeOption = X509IncludeOption.EndCertOnly });
        var enveloped = new EnvelopedCms(new ContentInfo(new Oid(SignedData), signed.Encode()), new AlgorithmIdentifier(new Oid("2.16.840.1.101.3.4.1.42")));
        enveloped.Encrypt(new CmsRecipient(SubjectIdentifierType.SubjectKeyIdentifier, recipient));
        return enveloped.Encode();
    }

    private static byte[] Identifier(X509Certificate2 certificate)
    {
        var known = certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault();
        return (known ?? new X509SubjectKeyIdentifierExtension(certificate.PublicKey, critical: false)).SubjectKeyIdentifierBytes.ToArray();
    }
}
