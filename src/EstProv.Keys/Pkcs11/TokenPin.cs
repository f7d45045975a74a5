using EstProv.Platform;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>The PIN of one token: where it is, and what is remembered of it. Read when it is needed, and zeroed after that.</summary>
/// <param name="from">The URI that has the PIN; null where the configuration has none for this token.</param>
internal sealed class TokenPin(string modulePath, Pkcs11Uri? from, PinMemory memory)
{
    public bool IsKnown => from is not null;

    /// <summary>C_Login, with one try of a PIN that was never accepted.</summary>
    /// <exception cref="ProblemException"><c>pin_missing</c>, <c>pin_refused_before</c>.</exception>
    public CKR Login(Pkcs11Library library, ulong session, CKU user, TokenFacts token)
    {
        using var pin = from?.ReadPin() ?? throw new ProblemException("pin_missing",
            $"{token.Description} asks for a PIN, and the configuration has none", "add ?pin-source=file:/PATH (or ?pin-value=PIN) to the URI", 503);
        // The token, not the URI: the URIs of all its keys bring the same PIN. Some tokens have another PIN for single keys: what is known
        // of the one says nothing of the other.
        var name = $"{token.Label}\n{(token.Serial.Length > 0 ? token.Serial : $"slot {token.Slot}")}";
        var entry = memory.Entry(modulePath, user == CKU.CKU_USER ? name : $"{name}\n{user}", pin.Span);
        if (!memory.MayTry(entry))
        {
            throw new ProblemException("pin_refused_before",
                $"{token.Description} has refused the PIN of {from} before; it is not tried again, so that the token does not lock itself",
                "correct the PIN in the configuration and restart the Key Service; "
                    + $"if the token was changed instead, delete {memory.Path} to have it tried once more", 503);
        }

        var result = library.C_Login(session, user, pin.Bytes, (ulong)pin.Length);
        switch (result)
        {
            case CKR.CKR_OK:
                memory.Accepted(entry);
                break;
            case var refused when IsRefusal(refused):
                memory.Refused(entry);
                break;
            default:
                memory.NotTried(entry);
                break;
        }

        return result;
    }

    public static bool IsRefusal(CKR result) => result is CKR.CKR_PIN_INCORRECT or CKR.CKR_PIN_INVALID or CKR.CKR_PIN_LEN_RANGE or CKR.CKR_PIN_EXPIRED
        or CKR.CKR_PIN_LOCKED;

    /// <summary>The URI that has the PIN, without it.</summary>
    public override string ToString() => from?.ToString() ?? "no URI";
}
