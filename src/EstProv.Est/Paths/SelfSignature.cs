using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Attributes;

namespace EstProv.Est.Paths;

/// <summary>
/// Whether a root has signed itself. Chains do not look at a trust anchor's signature, and rightly so; a root that came over the network is none yet.
/// </summary>
internal static class SelfSignature
{
    /// <summary>By ECDSA or PKCS#1 v1.5 with SHA-2; other signatures are not right to us.</summary>
    public static bool IsRight(X509Certificate2 certificate)
    {
        try
        {
            // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING } (RFC 5280 section 4.1)
            var parts = new AsnReader(certificate.RawDataMemory, AsnEncodingRules.DER).ReadSequence();
            var signed = parts.ReadEncodedValue().Span;
            if (CsrOids.Hash(parts.ReadSequence().ReadObjectIdentifier()) is not { } hash) return false;
            var signature = parts.ReadBitString(out _);
            using var ec = certificate.GetECDsaPublicKey();
            if (ec is not null) return ec.VerifyData(signed, signature, hash, DSASignatureFormat.Rfc3279DerSequence);
            using var rsa = certificate.GetRSAPublicKey();
            return rsa is not null && rsa.VerifyData(signed, signature, hash, RSASignaturePadding.Pkcs1);
        }
        catch (Exception cause) when (cause is AsnContentException or CryptographicException)
        {
            return false;
        }
    }
}
