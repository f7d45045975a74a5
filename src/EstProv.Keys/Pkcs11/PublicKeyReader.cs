using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// The public part of a private key in a token: from the private object where that has it (RSA), from the public object or the certificate
/// with the same CKA_ID, else with the same label.
/// </summary>
internal static class PublicKeyReader
{
    private const CKA PublicKeyInfoAttribute = (CKA)0x129; // CKA_PUBLIC_KEY_INFO, PKCS#11 v2.40
    private const ulong EdwardsKey = 0x40; // CKK_EC_EDWARDS, PKCS#11 v3.0

    /// <exception cref="ProblemException"><c>key_type</c>, <c>key_public_missing</c>.</exception>
    public static PublicKeyInfo Read(Pkcs11Session session, ulong privateKey, string name)
    {
        try
        {
            return Read(session, privateKey) ?? throw new ProblemException("key_public_missing",
                $"the public key of {name} is not in the token: no public key and no certificate has its CKA_ID or its label",
                "store the public key or the certificate beside it (pkcs11-tool --write-object … --type pubkey|cert --id …)", 400);
        }
        catch (ProblemException problem) when (problem.Code == "key_type")
        {
            throw new ProblemException(problem.Code, $"{name}: {problem.Message}", problem.Hint, problem.Status, problem);
        }
    }

    private static PublicKeyInfo? Read(Pkcs11Session session, ulong privateKey)
    {
        if (FromPublic(session, privateKey) is { } own) return own;
        var id = session.Read(privateKey, CKA.CKA_ID);
        var label = session.Read(privateKey, CKA.CKA_LABEL);
        return Search(session, CKA.CKA_ID, id) ?? Search(session, CKA.CKA_LABEL, label);
    }

    /// <summary>From a public object, or a private one that carries the numbers; null where they are missing.</summary>
    public static PublicKeyInfo? FromPublic(Pkcs11Session session, ulong key)
    {
        switch (session.ReadNumber(key, CKA.CKA_KEY_TYPE))
        {
            case (ulong)CKK.CKK_RSA:
                return session.Read(key, CKA.CKA_MODULUS) is { } modulus && session.Read(key, CKA.CKA_PUBLIC_EXPONENT) is { } exponent
                    ? PublicKeyInfo.FromRsa(modulus, exponent)
                    : null;
            case (ulong)CKK.CKK_EC:
                if (session.Read(key, CKA.CKA_EC_PARAMS) is { } curve && session.Read(key, CKA.CKA_EC_POINT) is { } point)
                    return PublicKeyInfo.FromEc(curve, point);
                return session.Read(key, PublicKeyInfoAttribute) is { Length: > 0 } spki ? PublicKeyInfo.Parse(spki) : null;
            case EdwardsKey:
                if (session.Read(key, CKA.CKA_EC_PARAMS) is { } edwards && session.Read(key, CKA.CKA_EC_POINT) is { } edwardsPoint)
                    return PublicKeyInfo.FromEd25519(edwards, edwardsPoint);
                return session.Read(key, PublicKeyInfoAttribute) is { Length: > 0 } edwardsSpki ? PublicKeyInfo.Parse(edwardsSpki) : null;
            case null:
                return null;
            default:
                throw new ProblemException("key_type", "the key in the token is neither EC nor RSA nor Ed25519", "use an EC or an RSA key", 400);
        }
    }

    private static PublicKeyInfo? Search(Pkcs11Session session, CKA by, byte[]? value)
    {
        if (value is null) return null;
        var template = new AttributeTemplate().Add(CKA.CKA_CLASS, (ulong)CKO.CKO_PUBLIC_KEY).Add(by, value);
        var result = session.Find(template, 1, out var keys);
        // Every token is searched for public keys.
        if (result is CKR.CKR_GENERAL_ERROR or CKR.CKR_FUNCTION_FAILED) session.Trouble = result;
        Note(session, result);
        if (result == CKR.CKR_OK && keys.Length > 0 && FromPublic(session, keys[0]) is { } found) return found;

        template = new AttributeTemplate().Add(CKA.CKA_CLASS, (ulong)CKO.CKO_CERTIFICATE).Add(by, value);
        result = session.Find(template, 1, out var certificates);
        Note(session, result);
        if (result != CKR.CKR_OK || certificates.Length == 0) return null;
        return session.Read(certificates[0], CKA.CKA_VALUE) is { } der ? FromCertificate(der) : null;
    }

    // Not found and not looked for are two things. What has no certificates may refuse to look for them.
    private static void Note(Pkcs11Session session, CKR result)
    {
        if (Pkcs11Problem.MayPass(result) && result is not (CKR.CKR_GENERAL_ERROR or CKR.CKR_FUNCTION_FAILED)) session.Trouble = result;
    }

    private static PublicKeyInfo? FromCertificate(byte[] der)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(der);
            return PublicKeyInfo.Parse(certificate.PublicKey.ExportSubjectPublicKeyInfo());
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
