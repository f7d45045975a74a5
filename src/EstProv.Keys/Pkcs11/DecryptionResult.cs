using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>Tells a ciphertext that does not fit from a token in trouble: some modules report CKR_GENERAL_ERROR for the first.</summary>
internal static class DecryptionResult
{
    /// <summary>Whether it may be said of the ciphertext, in which case it is said again.</summary>
    private static bool IsUnclear(CKR result, Pkcs11Session session, Pkcs11Token token) => result is CKR.CKR_GENERAL_ERROR or CKR.CKR_FUNCTION_FAILED && Lives(session, token);

    /// <summary>Decrypts, and again where the first answer is unclear; in another session where the module did not end the operation with its error (libtpm2-pkcs11).</summary>
    public static CKR Of(Pkcs11Session session, Pkcs11Token token, Func<Pkcs11Session, CKR> decrypt)
    {
        var result = decrypt(session);
        if (!IsUnclear(result, session, token)) return result;
        var again = decrypt(session);
        if (again != CKR.CKR_OPERATION_ACTIVE || token.Rent(out var other, patient: false) != CKR.CKR_OK) return again;
        try
        {
            again = decrypt(other);
        }
        finally
        {
            token.Return(other, sound: again == CKR.CKR_OK);
        }

        return again;
    }

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
