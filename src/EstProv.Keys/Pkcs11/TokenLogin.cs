using System.Security.Cryptography;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>Logs in to a token with one try, and only where that try cannot lock it.</summary>
internal static class TokenLogin
{
    /// <summary>Opens the first session of a token and logs in.</summary>
    /// <param name="pinFrom">The URI that has the PIN; null where the configuration has none for this token.</param>
    /// <returns>The session, which keeps the login.</returns>
    /// <exception cref="ProblemException"><c>pin_missing</c>, <c>pin_incorrect</c>, <c>pin_locked</c>, <c>pin_final_try</c>,
    /// <c>pin_refused_before</c>, <c>pin_not_set</c>, <c>token_*</c>.</exception>
    public static ulong Open(Pkcs11Module module, TokenFacts token, Pkcs11Uri? pinFrom, PinMemory memory)
    {
        ulong session = 0;
        var result = module.Library.C_OpenSession(token.Slot, CKF.CKF_SERIAL_SESSION, IntPtr.Zero, IntPtr.Zero, ref session);
        if (result != CKR.CKR_OK) throw Pkcs11Problem.Explain(result, "opening a session", token.Description);
        try
        {
            if (token.Has(CKF.CKF_LOGIN_REQUIRED)) Login(module, token, session, pinFrom, memory);
            return session;
        }
        catch
        {
            _ = module.Library.C_CloseSession(session);
            throw;
        }
    }

    private static void Login(Pkcs11Module module, TokenFacts token, ulong session, Pkcs11Uri? pinFrom, PinMemory memory)
    {
        var pin = pinFrom?.ReadPin();
        if (pin is null)
        {
            // A PIN pad of the token itself: the module asks for it there.
            if (!token.Has(CKF.CKF_PROTECTED_AUTHENTICATION_PATH))
            {
                throw new ProblemException("pin_missing", $"{token.Description} asks for a PIN, and the configuration has none",
                    "add ?pin-source=file:/PATH (or ?pin-value=PIN) to the URI", 503);
            }

            var answer = module.Library.C_Login(session, CKU.CKU_USER, null!, 0);
            if (answer is not (CKR.CKR_OK or CKR.CKR_USER_ALREADY_LOGGED_IN)) throw Pkcs11Problem.Explain(answer, "the login", token.Description);
            return;
        }

        try
        {
            Login(module, token, session, pinFrom!, pin, memory);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pin);
        }
    }

    private static void Login(Pkcs11Module module, TokenFacts token, ulong session, Pkcs11Uri pinFrom, byte[] pin, PinMemory memory)
    {
        if (!token.Has(CKF.CKF_USER_PIN_INITIALIZED))
        {
            throw new ProblemException("pin_not_set", $"{token.Description} has no user PIN yet", "set one (pkcs11-tool --init-pin)", 503);
        }

        if (token.Has(CKF.CKF_USER_PIN_LOCKED)) throw Locked(token);
        // The token, not the URI: the URIs of all its keys bring the same PIN.
        var tokenName = $"{token.Label}\n{(token.Serial.Length > 0 ? token.Serial : $"slot {token.Slot}")}";
        var entry = memory.Entry(module.Path, tokenName, pin);
        if (token.Has(CKF.CKF_USER_PIN_FINAL_TRY))
        {
            throw new ProblemException("pin_final_try", $"{token.Description} allows one more try of its PIN, which is not used up",
                "log in once with the right PIN by hand (pkcs11-tool --login --list-objects), which resets the count", 503);
        }

        if (!memory.MayTry(entry))
        {
            throw new ProblemException("pin_refused_before",
                $"{token.Description} has refused the PIN of {pinFrom} before; it is not tried again, so that the token does not lock itself",
                $"correct the PIN in the configuration; if the token was changed instead, delete {memory.Path} to have it tried once more", 503);
        }

        var result = module.Library.C_Login(session, CKU.CKU_USER, pin, (ulong)pin.Length);
        switch (result)
        {
            case CKR.CKR_OK:
                memory.Accepted(entry);
                break;
            case CKR.CKR_USER_ALREADY_LOGGED_IN:
                memory.NotTried(entry);
                break;
            case CKR.CKR_PIN_INCORRECT or CKR.CKR_PIN_INVALID or CKR.CKR_PIN_LEN_RANGE or CKR.CKR_PIN_EXPIRED:
                memory.Refused(entry);
                throw new ProblemException("pin_incorrect", $"{token.Description} refuses the PIN of {pinFrom} ({Pkcs11Problem.Name(result)})",
                    "correct the PIN in the configuration; it is not tried again until then", 503);
            case CKR.CKR_PIN_LOCKED:
                memory.Refused(entry);
                throw Locked(token);
            case CKR.CKR_USER_PIN_NOT_INITIALIZED:
                memory.NotTried(entry);
                throw new ProblemException("pin_not_set", $"{token.Description} has no user PIN yet", "set one (pkcs11-tool --init-pin)", 503);
            default:
                memory.NotTried(entry);
                throw Pkcs11Problem.Explain(result, "the login", token.Description);
        }
    }

    private static ProblemException Locked(TokenFacts token) => new("pin_locked", $"{token.Description} has locked its PIN",
        "unlock it with the security officer's PIN (pkcs11-tool --init-pin), then correct the PIN in the configuration", 503);
}
