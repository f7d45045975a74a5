using EstProv.Keys.Stores;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// C_GenerateKey or C_CreateObject with CKA_LABEL = key id and CKA_ID = <see cref="StorageId"/>, sensitive and not extractable: one
/// object for HMAC-SHA256, one for AES-GCM.
/// </summary>
internal static class SecretCreation
{
    /// <returns>CKR_MECHANISM_INVALID for whatever shows that the token has no such keys.</returns>
    public static CKR Run(Pkcs11Token token, Pkcs11Session session, StorageId id, string keyId, SecretUsage usage, byte[] value)
    {
        var result = CKR.CKR_OK;
        if (usage.NeedsMac()) result = Make(token, session, id, keyId, CKK.CKK_GENERIC_SECRET, CKM.CKM_GENERIC_SECRET_KEY_GEN, CKM.CKM_SHA256_HMAC, value);
        if (result == CKR.CKR_OK && (usage & SecretUsage.Encrypt) != SecretUsage.None) result = Make(token, session, id, keyId, CKK.CKK_AES, CKM.CKM_AES_KEY_GEN, CKM.CKM_AES_GCM, value);
        return result is CKR.CKR_ATTRIBUTE_TYPE_INVALID or CKR.CKR_TEMPLATE_INCOMPLETE or CKR.CKR_ATTRIBUTE_READ_ONLY or CKR.CKR_KEY_TYPE_INCONSISTENT
            ? CKR.CKR_MECHANISM_INVALID
            : result;
    }

    private static CKR Make(Pkcs11Token token, Pkcs11Session session, StorageId id, string keyId, CKK type, CKM generator, CKM use, byte[] value)
    {
        if (!Has(token, use) || value.Length == 0 && !Has(token, generator)) return CKR.CKR_MECHANISM_INVALID;
        var template = new AttributeTemplate().Add(CKA.CKA_CLASS, (ulong)CKO.CKO_SECRET_KEY).Add(CKA.CKA_KEY_TYPE, (ulong)type)
            .Add(CKA.CKA_TOKEN, true).Add(CKA.CKA_PRIVATE, true).Add(CKA.CKA_SENSITIVE, true).Add(CKA.CKA_EXTRACTABLE, false)
            .Add(CKA.CKA_LABEL, keyId).Add(CKA.CKA_ID, id.ToBytes());
        if (type == CKK.CKK_AES) template.Add(CKA.CKA_ENCRYPT, true).Add(CKA.CKA_DECRYPT, true);
        else template.Add(CKA.CKA_SIGN, true).Add(CKA.CKA_VERIFY, true);

        ulong key = 0;
        CKR result;
        if (value.Length > 0)
        {
            template.Add(CKA.CKA_VALUE, value);
            result = token.Library.C_CreateObject(session.Handle, template.ToArray(), template.Count, ref key);
            template.Clear();
        }
        else
        {
            var mechanism = new CK_MECHANISM { Mechanism = (ulong)generator };
            template.Add(CKA.CKA_VALUE_LEN, StoredSecret.Length);
            result = token.Library.C_GenerateKey(session.Handle, ref mechanism, template.ToArray(), template.Count, ref key);
        }

        GC.KeepAlive(template);
        return result;
    }

    private static bool Has(Pkcs11Token token, CKM mechanism)
    {
        var info = new CK_MECHANISM_INFO();
        return token.Library.C_GetMechanismInfo(token.Facts.Slot, mechanism, ref info) == CKR.CKR_OK;
    }
}
