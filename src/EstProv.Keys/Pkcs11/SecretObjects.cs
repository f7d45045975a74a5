using System.Runtime.InteropServices;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>The objects of one symmetric key; 0 where there is none.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct SecretObjects(ulong MacKey, ulong CipherKey)
{
    /// <summary>What they can be used for.</summary>
    public SecretUsage Usage => (MacKey != 0 ? SecretUsage.Derive | SecretUsage.Sign : SecretUsage.None) | (CipherKey != 0 ? SecretUsage.Encrypt : SecretUsage.None);

    /// <exception cref="ProblemException"><c>key_not_found</c>, <c>key_ambiguous</c>.</exception>
    public static CKR Find(Pkcs11Token token, Pkcs11Session session, ObjectName name, out SecretObjects objects)
    {
        const int Most = 4;
        objects = default;
        // Without the login they would not be there.
        var result = token.CheckLogin(session);
        if (result != CKR.CKR_OK) return result;
        result = session.Find(name.Template(CKO.CKO_SECRET_KEY), Most, out var found);
        if (result != CKR.CKR_OK) return result;
        foreach (var key in found)
        {
            // Every key has a type.
            if (session.ReadNumber(key, CKA.CKA_KEY_TYPE) is not { } type) return session.Trouble != CKR.CKR_OK ? session.Trouble : CKR.CKR_ATTRIBUTE_TYPE_INVALID;
            var isCipher = type == (ulong)CKK.CKK_AES;
            if ((isCipher ? objects.CipherKey : objects.MacKey) != 0)
            {
                throw new ProblemException("key_ambiguous", $"{token.Description} has several symmetric keys for {name.Text}",
                    "name the key by its CKA_ID too: pkcs11:object=NAME;id=%01;type=secret-key", 409);
            }

            objects = isCipher ? objects with { CipherKey = key } : objects with { MacKey = key };
        }

        return found.Length > 0 ? CKR.CKR_OK : throw new ProblemException("key_not_found", $"{token.Description} has no symmetric key for {name.Text}",
            "compare with what the token has (pkcs11-tool --login --list-objects); "
                + "of a preloaded key correct the URI, or make the key", 404);
    }
}
