using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>Tells a ciphertext that does not fit from a token in trouble: some modules report CKR_GENERAL_ERROR for the first.</summary>
internal static class DecryptionResult
{
    /// <summary>Whether it may be said of the ciphertext, in which case it is said again.</summary>
    public static bool IsUnclear(CKR result, Pkcs11Session session, Pkcs11Token token) => result is CKR.CKR_GENERAL_ERROR or CKR.CKR_FUNCTION_FAILED && Lives(session, token);

    /// <summary>What a repetition has said; nothing where the module did not end the first operation with its error (libtpm2-pkcs11).</summary>
    public static CKR Clearer(CKR first, CKR again) => again == CKR.CKR_OPERATION_ACTIVE ? first : again;

    /// <exception cref="ProblemException"><c>ciphertext_invalid</c>.</exception>
    public static CKR Judge(CKR result, Pkcs11Session session, Pkcs11Token token, string name)
    {
        var invalid = result is CKR.CKR_ENCRYPTED_DATA_INVALID or CKR.CKR_ENCRYPTED_DATA_LEN_RANGE or CKR.CKR_DATA_INVALID or CKR.CKR_DATA_LEN_RANGE
            || IsUnclear(result, session, token);
        return invalid ? throw Ciphers.Invalid(name) : result;
    }

    private static bool Lives(Pkcs11Session session, Pkcs11Token token)
    {
        var info = new CK_SESSION_INFO();
        return token.Library.C_GetSessionInfo(session.Handle, ref info) == CKR.CKR_OK;
    }
}
