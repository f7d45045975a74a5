using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>Logs in to a token with one try, and only where that try cannot lock it.</summary>
internal static class TokenLogin
{
    /// <summary>Opens the first session of a token and logs in.</summary>
    /// <returns>The session, which keeps the login.</returns>
    /// <exception cref="ProblemException"><c>pin_missing</c>, <c>pin_incorrect</c>, <c>pin_locked</c>, <c>pin_final_try</c>,
    /// <c>pin_refused_before</c>, <c>pin_not_set</c>, <c>token_*</c>.</exception>
    public static OpenedSession Open(Pkcs11Module module, TokenFacts token, TokenPin pin)
    {
        var session = OpenedSession.Open(module, token);
        try
        {
            if (token.Has(CKF.CKF_LOGIN_REQUIRED)) Login(module, token, session.Handle, pin);
            return session;
        }
        catch
        {
            _ = module.Library.C_CloseSession(session.Handle);
            throw;
        }
    }

    private static void Login(Pkcs11Module module, TokenFacts token, ulong session, TokenPin pin)
    {
        // A PIN pad of the token itself: the module asks for it there.
        if (!pin.IsKnown && token.Has(CKF.CKF_PROTECTED_AUTHENTICATION_PATH))
        {
            var answer = module.Library.C_Login(session, CKU.CKU_USER, null!, 0);
            if (answer is not (CKR.CKR_OK or CKR.CKR_USER_ALREADY_LOGGED_IN)) throw Pkcs11Problem.Explain(answer, "the login", token.Description);
            return;
        }

        if (pin.IsKnown && !token.Has(CKF.CKF_USER_PIN_INITIALIZED)) throw NotSet(token);
        if (token.Has(CKF.CKF_USER_PIN_LOCKED)) throw Locked(token);
        if (token.Has(CKF.CKF_USER_PIN_FINAL_TRY))
        {
            throw new ProblemException("pin_final_try", $"{token.Description} allows one more try of its PIN, which is not used up",
                "log in once with the right PIN by hand (pkcs11-tool --login --list-objects), which resets the count", 503);
        }

        var result = pin.Login(module.Library, session, CKU.CKU_USER, token);
        if (result is not (CKR.CKR_OK or CKR.CKR_USER_ALREADY_LOGGED_IN)) throw Explain(result, token, pin);
    }

    /// <summary>What a login's return value means.</summary>
    public static ProblemException Explain(CKR result, TokenFacts token, TokenPin pin) => result switch
    {
        CKR.CKR_PIN_INCORRECT or CKR.CKR_PIN_INVALID or CKR.CKR_PIN_LEN_RANGE or CKR.CKR_PIN_EXPIRED => new ProblemException(
            "pin_incorrect", $"{token.Description} refuses the PIN of {pin} ({Pkcs11Problem.Name(result)})",
            "correct the PIN in the configuration and restart the Key Service, or in the file of pin-source; "
                + "it is not tried again until then", 503),
        CKR.CKR_PIN_LOCKED => Locked(token),
        CKR.CKR_USER_PIN_NOT_INITIALIZED => NotSet(token),
        _ => Pkcs11Problem.Explain(result, "the login", token.Description),
    };

    private static ProblemException NotSet(TokenFacts token) => new("pin_not_set", $"{token.Description} has no user PIN yet",
        "set one (pkcs11-tool --init-pin)", 503);

    private static ProblemException Locked(TokenFacts token) => new("pin_locked", $"{token.Description} has locked its PIN",
        "unlock it with the security officer's PIN (pkcs11-tool --init-pin), then correct the PIN in the configuration", 503);
}
