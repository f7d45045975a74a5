using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using EstProv.Platform;

namespace EstProv.Est;

/// <summary>Private keys that an EST server made (RFC 7030 section 4.4).</summary>
public static class ServerGeneratedKey
{
    private const string SignedData = "1.2.840.113549.1.7.2";
    private const string Data = "1.2.840.113549.1.7.1";
    private const string KeyPackage = "2.16.840.1.101.2.1.2.78.5"; // id-ct-KP-aKeyPackage, RFC 5958 section 3
    private const string EcPublicKey = "1.2.840.10045.2.1"; // RFC 5480
    private const string RsaEncryption = "1.2.840.113549.1.1.1"; // RFC 8017

    /// <summary>
    /// Takes the key out of its CMS: EnvelopedData for our RSA key, in it SignedData of the one who made the key, in that an asymmetric key package (RFC 7030
    /// section 4.4.2, RFC 5958). Servers that leave signature or package out are understood.
    /// </summary>
    /// <remarks>
    /// The signature is not what the key is trusted for: RFC 7030 leaves open whose it is. A key counts when a certificate that was found good
    /// (<see cref="IssuedCertificateCheck"/>) is for its <see cref="PublicKeyOf"/>.
    /// </remarks>
    /// <returns>PKCS#8, to be zeroed after use.</returns>
    /// <exception cref="ProblemException"><c>est_bad_key</c>.</exception>
    public static byte[] Decrypt(byte[] envelopedData, RSA key)
    {
        try
        {
            var envelope = new EnvelopedCms();
            envelope.Decode(envelopedData);
            if (envelope.RecipientInfos.Count != 1) throw Bad($"the encrypted private key is for {envelope.RecipientInfos.Count} recipients, not for one");
            envelope.Decrypt(envelope.RecipientInfos[0], key);
            var (type, content) = (envelope.ContentInfo.ContentType.Value, envelope.ContentInfo.Content);
            if (type == SignedData) (type, content) = Unsigned(content);
            return type switch
            {
                KeyPackage => OnlyKey(content),
                Data => content,
                _ => throw Bad("what was encrypted is no private key"),
            };
        }
        catch (Exception cause) when (cause is CryptographicException or AsnContentException)
        {
            throw Bad("the encrypted private key cannot be opened: it is for another key, or damaged",
                "the key that opens it must be RSA, and the one whose certificate was named in the request", cause);
        }
    }

    /// <summary>The public half.</summary>
    /// <param name="pkcs8">Of an EC or RSA key.</param>
    /// <returns>DER of SubjectPublicKeyInfo.</returns>
    /// <exception cref="ProblemException"><c>est_bad_key</c>.</exception>
    public static byte[] PublicKeyOf(ReadOnlySpan<byte> pkcs8)
    {
        try
        {
            // PrivateKeyInfo ::= SEQUENCE { version INTEGER, privateKeyAlgorithm SEQUENCE { algorithm OBJECT IDENTIFIER, … }, … }
            var info = new AsnReader(pkcs8.ToArray(), AsnEncodingRules.BER).ReadSequence();
            info.ReadIntegerBytes();
            var algorithm = info.ReadSequence().ReadObjectIdentifier();
            using AsymmetricAlgorithm key = algorithm switch
            {
                EcPublicKey => ECDsa.Create(),
                RsaEncryption => RSA.Create(),
                _ => throw Bad("the private key is neither EC nor RSA"),
            };
            key.ImportPkcs8PrivateKey(pkcs8, out _);
            return key.ExportSubjectPublicKeyInfo();
        }
        catch (Exception cause) when (cause is CryptographicException or AsnContentException)
        {
            throw Bad("the private key is not PKCS#8", inner: cause);
        }
    }

    private static (string? Type, byte[] Content) Unsigned(byte[] signedData)
    {
        var message = new SignedCms();
        // EnvelopedData holds the SignedData itself, SignedCms wants the ContentInfo around it.
        message.Decode(WithContentInfo(Unwrapped(signedData, isPackage: false)));
        return (message.ContentInfo.ContentType.Value, message.ContentInfo.Content);
    }

    /// <summary>.NET puts a SEQUENCE of its own around what was encrypted, unless that is called data; and takes one off when it encrypts.</summary>
    private static byte[] Unwrapped(byte[] content, bool isPackage)
    {
        // SignedData begins with its version, a package with a key, which begins with its version: never with a SEQUENCE.
        var outer = new AsnReader(content, AsnEncodingRules.BER).ReadSequence();
        var element = outer.PeekEncodedValue().ToArray();
        var inner = isPackage ? new AsnReader(element, AsnEncodingRules.BER).ReadSequence() : outer;
        return inner.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence) ? element : content;
    }

    // ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, content [0] EXPLICIT ANY }
    private static byte[] WithContentInfo(byte[] signedData)
    {
        if (new AsnReader(signedData, AsnEncodingRules.BER).ReadSequence().PeekTag() == Asn1Tag.ObjectIdentifier) return signedData;
        var writer = new AsnWriter(AsnEncodingRules.BER);
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(SignedData);
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0))) writer.WriteEncodedValue(signedData);
        }

        return writer.Encode();
    }

    // AsymmetricKeyPackage ::= SEQUENCE SIZE (1..MAX) OF OneAsymmetricKey, which is PKCS#8
    private static byte[] OnlyKey(byte[] package)
    {
        var keys = new AsnReader(Unwrapped(package, isPackage: true), AsnEncodingRules.BER).ReadSequence();
        var key = keys.ReadEncodedValue().ToArray();
        return keys.HasData ? throw Bad("there is more than one private key in the answer") : key;
    }

    private static ProblemException Bad(string what, string hint = "look into the EST server's log", Exception? inner = null) =>
        new("est_bad_key", what, hint, 502, inner);
}
