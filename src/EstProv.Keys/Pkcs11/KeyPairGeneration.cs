using EstProv.Keys.Stores;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// C_GenerateKeyPair with CKA_LABEL and CKA_ID (of a key of ours its key id and <see cref="StorageId"/>); the private key is sensitive and
/// not extractable.
/// </summary>
internal static class KeyPairGeneration
{
    private const ulong EdwardsKeyPair = 0x1055; // CKM_EC_EDWARDS_KEY_PAIR_GEN, PKCS#11 v3.0

    /// <param name="keepPublic">Whether the public half becomes an object of the token, else of the session.</param>
    public static CKR Run(
        Pkcs11Token token, Pkcs11Session session, byte[] id, string label, KeyAlgorithm algorithm, bool keepPublic,
        out ulong publicKey, out ulong privateKey)
    {
        var result = Run(token, session, id, label, algorithm, keepPublic, plain: false, out publicKey, out privateKey);
        // Some tokens want a key for one purpose only, or know the Edwards curve by its OID only.
        var again = algorithm.Kind() != KeyKind.Ec && result is CKR.CKR_TEMPLATE_INCONSISTENT or CKR.CKR_ATTRIBUTE_VALUE_INVALID
            or CKR.CKR_ATTRIBUTE_TYPE_INVALID or CKR.CKR_DOMAIN_PARAMS_INVALID or CKR.CKR_CURVE_NOT_SUPPORTED;
        return again ? Run(token, session, id, label, algorithm, keepPublic, plain: true, out publicKey, out privateKey) : result;
    }

    /// <summary>
    /// Whether the refusal may be of this moment only: SoftHSM2 finds its own template inconsistent now and then, when another session reads the
    /// token's files while the object is being written.
    /// </summary>
    public static bool IsDoubtful(CKR result) => result is CKR.CKR_TEMPLATE_INCONSISTENT or CKR.CKR_ATTRIBUTE_VALUE_INVALID;

    /// <summary>Signs once with a fresh pair of a kind that some module makes and cannot use.</summary>
    /// <returns>CKR_MECHANISM_INVALID for a pair that is <paramref name="unusable"/>.</returns>
    public static CKR Try(Pkcs11Session session, Pkcs11Key.Place place, KeyAlgorithm algorithm, out bool unusable)
    {
        unusable = false;
        if (algorithm != KeyAlgorithm.EcP521) return CKR.CKR_OK;
        var mechanism = new CK_MECHANISM { Mechanism = (ulong)CKM.CKM_ECDSA };
        Span<byte> digest = stackalloc byte[DigestAlgorithm.Sha512.Length()];
        digest.Fill(1);
        var result = session.Sign(ref mechanism, place.Key, digest, out _, place.Unlock);
        // libtpm2-pkcs11 1.9 cannot read its own public point, whose length takes two bytes in DER.
        unusable = result == CKR.CKR_HOST_MEMORY;
        return unusable ? CKR.CKR_MECHANISM_INVALID : result;
    }

    private static CKR Run(Pkcs11Token token, Pkcs11Session session, byte[] id, string label, KeyAlgorithm algorithm, bool keepPublic, bool plain,
        out ulong publicKey, out ulong privateKey)
    {
        var publicPart = new AttributeTemplate().Add(CKA.CKA_TOKEN, keepPublic).Add(CKA.CKA_PRIVATE, false).Add(CKA.CKA_VERIFY, true)
            .Add(CKA.CKA_LABEL, label).Add(CKA.CKA_ID, id);
        var privatePart = new AttributeTemplate().Add(CKA.CKA_TOKEN, true).Add(CKA.CKA_PRIVATE, true).Add(CKA.CKA_SENSITIVE, true)
            .Add(CKA.CKA_EXTRACTABLE, false).Add(CKA.CKA_SIGN, true).Add(CKA.CKA_LABEL, label).Add(CKA.CKA_ID, id);

        var mechanism = new CK_MECHANISM();
        switch (algorithm.Kind())
        {
            case KeyKind.Rsa:
                mechanism.Mechanism = (ulong)CKM.CKM_RSA_PKCS_KEY_PAIR_GEN;
                publicPart.Add(CKA.CKA_MODULUS_BITS, (ulong)algorithm.ModulusBits()).Add(CKA.CKA_PUBLIC_EXPONENT, [1, 0, 1]);
                if (plain) break;
                publicPart.Add(CKA.CKA_ENCRYPT, true);
                privatePart.Add(CKA.CKA_DECRYPT, true);
                break;
            case KeyKind.Ed25519:
                mechanism.Mechanism = EdwardsKeyPair;
                publicPart.Add(CKA.CKA_EC_PARAMS, plain ? EcCurves.Ed25519 : EcCurves.Edwards25519);
                break;
            default:
                mechanism.Mechanism = (ulong)CKM.CKM_EC_KEY_PAIR_GEN;
                publicPart.Add(CKA.CKA_EC_PARAMS, algorithm switch
                {
                    KeyAlgorithm.EcP256 => EcCurves.P256,
                    KeyAlgorithm.EcP384 => EcCurves.P384,
                    _ => EcCurves.P521,
                });
                break;
        }

        ulong madePublic = 0, madePrivate = 0;
        var result = token.Library.C_GenerateKeyPair(session.Handle, ref mechanism, publicPart.ToArray(), publicPart.Count,
            privatePart.ToArray(), privatePart.Count, ref madePublic, ref madePrivate);
        GC.KeepAlive(publicPart);
        GC.KeepAlive(privatePart);
        (publicKey, privateKey) = (madePublic, madePrivate);
        return result;
    }
}
