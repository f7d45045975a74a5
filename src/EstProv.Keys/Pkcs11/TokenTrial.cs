using EstProv.Platform;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>What a token in which keys are to be generated has to be able to do, tried without leaving anything in it.</summary>
internal static class TokenTrial
{
    /// <exception cref="ProblemException"><c>token_read_only</c>, <c>token_no_destroy</c>, <c>mechanism_missing</c>.</exception>
    public static CKR Run(Pkcs11Token token, Pkcs11Session session, out bool done)
    {
        done = true;
        if (!token.MayWrite) throw Pkcs11Problem.Explain(CKR.CKR_TOKEN_WRITE_PROTECTED, "generating a key", token.Description);
        if (!Has(token, CKM.CKM_EC_KEY_PAIR_GEN) && !Has(token, CKM.CKM_RSA_PKCS_KEY_PAIR_GEN))
        {
            throw new ProblemException("mechanism_missing", $"{token.Description} can generate neither EC nor RSA keys",
                "base_slot must name a token that can generate keys", 503);
        }

        // A data object of this session only: some tokens have none, and then nothing is known.
        var template = new AttributeTemplate().Add(CKA.CKA_CLASS, (ulong)CKO.CKO_DATA).Add(CKA.CKA_TOKEN, false).Add(CKA.CKA_PRIVATE, false)
            .Add(CKA.CKA_LABEL, "estprov --check").Add(CKA.CKA_VALUE, [1]);
        ulong made = 0;
        var result = token.Library.C_CreateObject(session.Handle, template.ToArray(), template.Count, ref made);
        GC.KeepAlive(template);
        if (result != CKR.CKR_OK) return Pkcs11Problem.IsLoss(result) && result != CKR.CKR_FUNCTION_FAILED && result != CKR.CKR_GENERAL_ERROR ? result : CKR.CKR_OK;
        result = token.Library.C_DestroyObject(session.Handle, made);
        if (IsUnable(result)) throw CannotDestroy(token);
        return result;
    }

    /// <summary>The token has no C_DestroyObject that works.</summary>
    public static bool IsUnable(CKR result) => result is CKR.CKR_FUNCTION_NOT_SUPPORTED or CKR.CKR_ACTION_PROHIBITED;

    public static ProblemException CannotDestroy(Pkcs11Token token) => new("token_no_destroy",
        $"{token.Description} cannot destroy objects: every renewed key leaves its predecessor there, until the token is full",
        "delete objects that are no longer used with the vendor's tool", 503);

    private static bool Has(Pkcs11Token token, CKM mechanism)
    {
        var info = default(CK_MECHANISM_INFO);
        return token.Library.C_GetMechanismInfo(token.Facts.Slot, mechanism, ref info) == CKR.CKR_OK;
    }
}
