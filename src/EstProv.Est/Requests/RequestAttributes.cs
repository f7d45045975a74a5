using System.Formats.Asn1;
using System.Security.Cryptography;

namespace EstProv.Est;

/// <summary>Attributes of PKCS#10 requests beside the extensions.</summary>
internal static class RequestAttributes
{
    public const string ChallengePasswordOid = "1.2.840.113549.1.9.7"; // pkcs-9-at-challengePassword, RFC 2985 section 5.4.1

    private const string AsymmetricDecryptKeyId = "1.2.840.113549.1.9.16.2.54"; // id-aa-asymmDecryptKeyID, RFC 7030 section 4.4.1.2
    private const string SmimeCapabilities = "1.2.840.113549.1.9.15"; // RFC 8551 section 2.5.2
    private const string Aes256Cbc = "2.16.840.1.101.3.4.1.42"; // RFC 3565
    private const string Aes128Cbc = "2.16.840.1.101.3.4.1.2";

    /// <param name="password">ASCII letters, digits and <c>+ / =</c>: base64.</param>
    public static AsnEncodedData ChallengePassword(string password)
    {
        // challengePassword ::= DirectoryString; base64 fits PrintableString, which RFC 2985 prefers.
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.WriteCharacterString(UniversalTagNumber.PrintableString, password);
        return new AsnEncodedData(ChallengePasswordOid, writer.Encode());
    }

    /// <summary>The hash of a request's signature.</summary>
    /// <exception cref="CryptographicException">It is no request.</exception>
    public static HashAlgorithmName HashOf(byte[] pkcs10Der)
    {
        try
        {
            // CertificationRequest ::= SEQUENCE { certificationRequestInfo, signatureAlgorithm SEQUENCE { algorithm OBJECT IDENTIFIER, … }, signature }
            var request = new AsnReader(pkcs10Der, AsnEncodingRules.DER).ReadSequence();
            request.ReadEncodedValue();
            return request.ReadSequence().ReadObjectIdentifier() switch
            {
                "1.2.840.10045.4.3.3" or "1.2.840.113549.1.1.12" => HashAlgorithmName.SHA384,
                "1.2.840.10045.4.3.4" or "1.2.840.113549.1.1.13" => HashAlgorithmName.SHA512,
                _ => HashAlgorithmName.SHA256,
            };
        }
        catch (AsnContentException cause)
        {
            throw new CryptographicException("no PKCS#10", cause);
        }
    }

    /// <summary>AsymmetricDecryptKeyIdentifier ::= OCTET STRING.</summary>
    public static AsnEncodedData DecryptKey(byte[] identifier)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.WriteOctetString(identifier);
        return new AsnEncodedData(AsymmetricDecryptKeyId, writer.Encode());
    }

    /// <summary>What we can decrypt: SMIMECapabilities ::= SEQUENCE OF SEQUENCE { capabilityID OBJECT IDENTIFIER, parameters ANY OPTIONAL }.</summary>
    public static AsnEncodedData Ciphers()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (var cipher in (ReadOnlySpan<string>)[Aes256Cbc, Aes128Cbc])
            {
                using (writer.PushSequence()) writer.WriteObjectIdentifier(cipher);
            }
        }

        return new AsnEncodedData(SmimeCapabilities, writer.Encode());
    }
}
