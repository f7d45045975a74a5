using System.Security.Cryptography;
using EstProv.Keys.Stores;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>CKM_RSA_PKCS_OAEP with an empty label (PKCS#11 v2.40 section 2.1.8).</summary>
internal static class OaepDecryption
{
    public static unsafe CKR Run(
        Pkcs11Token token, Pkcs11Session session, Pkcs11Key.Place place, HashAlgorithmName hash, byte[] ciphertext, string name, out byte[] plaintext)
    {
        var (digest, mask) = hash.Name switch
        {
            "SHA1" => (CKM.CKM_SHA_1, CKG.CKG_MGF1_SHA1),
            "SHA256" => (CKM.CKM_SHA256, CKG.CKG_MGF1_SHA256),
            "SHA384" => (CKM.CKM_SHA384, CKG.CKG_MGF1_SHA384),
            _ => (CKM.CKM_SHA512, CKG.CKG_MGF1_SHA512),
        };
        // CK_RSA_PKCS_OAEP_PARAMS: hashAlg, mgf, source (CKZ_DATA_SPECIFIED), pSourceData, ulSourceDataLen
        var parameters = stackalloc ulong[] { (ulong)digest, (ulong)mask, 1, 0, 0 };
        var mechanism = new CK_MECHANISM
        {
            Mechanism = (ulong)CKM.CKM_RSA_PKCS_OAEP,
            Parameter = (IntPtr)parameters,
            ParameterLen = 5 * sizeof(ulong),
        };
        byte[] text = [];
        var result = DecryptionResult.Of(session, token, on => Run(token, on, place, ref mechanism, ciphertext, out text));
        plaintext = text;
        return DecryptionResult.Judge(result, session, token, name);
    }

    private static CKR Run(Pkcs11Token token, Pkcs11Session session, Pkcs11Key.Place place, ref CK_MECHANISM mechanism, byte[] ciphertext, out byte[] plaintext)
    {
        plaintext = [];
        var result = token.Library.C_DecryptInit(session.Handle, ref mechanism, place.Key);
        // SoftHSM2 has SHA-1 only, and calls anything else bad arguments.
        if (result == CKR.CKR_ARGUMENTS_BAD) return CKR.CKR_MECHANISM_PARAM_INVALID;
        if (result == CKR.CKR_OK && place.Unlock is { } unlock) result = unlock(session);
        if (result != CKR.CKR_OK) return result;

        var output = new byte[StoredKey.LongestSignature];
        var length = (ulong)output.Length;
        result = token.Library.C_Decrypt(session.Handle, ciphertext, (ulong)ciphertext.Length, output, ref length);
        if (result == CKR.CKR_OK) plaintext = output[..(int)length];
        CryptographicOperations.ZeroMemory(output);
        return result;
    }
}
