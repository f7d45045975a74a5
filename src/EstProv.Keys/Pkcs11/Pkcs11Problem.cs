using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>What a return value of the module means, and what to say of it.</summary>
internal static class Pkcs11Problem
{
    private const string OtherAlgorithm = "use another algorithm; estprov token selftest shows which the token can do";

    /// <summary>
    /// The session, the login, the token or the module's own daemon is gone: everything that hangs on it has to be opened again. Modules
    /// say this in many ways, some of which can have another cause as well.
    /// </summary>
    public static bool IsLoss(CKR result) => IsLossOfSession(result) || IsAbsence(result) || result is CKR.CKR_DEVICE_ERROR
        or CKR.CKR_SLOT_ID_INVALID or CKR.CKR_CRYPTOKI_NOT_INITIALIZED or CKR.CKR_GENERAL_ERROR or CKR.CKR_FUNCTION_FAILED;

    /// <summary>Only a session or the login is gone.</summary>
    public static bool IsLossOfSession(CKR result) => result is CKR.CKR_SESSION_HANDLE_INVALID or CKR.CKR_SESSION_CLOSED or CKR.CKR_USER_NOT_LOGGED_IN;

    /// <summary>The token is not there.</summary>
    public static bool IsAbsence(CKR result) => result is CKR.CKR_DEVICE_REMOVED or CKR.CKR_TOKEN_NOT_PRESENT or CKR.CKR_TOKEN_NOT_RECOGNIZED;

    /// <summary>The object that the handle named is gone: it may be found again under another handle.</summary>
    public static bool IsStaleObject(CKR result) => result is CKR.CKR_KEY_HANDLE_INVALID or CKR.CKR_OBJECT_HANDLE_INVALID;

    /// <summary>With a fresh session, login or object handle it may work.</summary>
    public static bool MayPass(CKR result) => IsLoss(result) || IsStaleObject(result) || result is CKR.CKR_OPERATION_ACTIVE or CKR.CKR_OPERATION_NOT_INITIALIZED;

    /// <param name="what">What was tried, such as <c>signing with key 'device-id'</c>.</param>
    /// <param name="token">The token, for people.</param>
    public static ProblemException Explain(CKR result, string what, string token) => result switch
    {
        CKR.CKR_KEY_FUNCTION_NOT_PERMITTED => new ProblemException("key_usage", $"{what} failed: the key in {token} has no right to it",
            "generate the key with CKA_SIGN (pkcs11-tool --usage-sign), to decrypt with CKA_DECRYPT (--usage-decrypt)", 400),
        CKR.CKR_KEY_TYPE_INCONSISTENT => new ProblemException("key_type", $"{what} failed: the key in {token} is of another type",
            "use the algorithm of its type, or name another key: pkcs11-tool --login --list-objects shows the types", 400),
        CKR.CKR_MECHANISM_INVALID or CKR.CKR_MECHANISM_PARAM_INVALID or CKR.CKR_FUNCTION_NOT_SUPPORTED => new ProblemException(
            "mechanism_missing", $"{what} failed: {token} does not support it ({Name(result)})", OtherAlgorithm, 400),
        CKR.CKR_KEY_SIZE_RANGE or CKR.CKR_CURVE_NOT_SUPPORTED or CKR.CKR_DOMAIN_PARAMS_INVALID or CKR.CKR_ATTRIBUTE_VALUE_INVALID
            or CKR.CKR_TEMPLATE_INCONSISTENT => new ProblemException(
            "mechanism_missing", $"{what} failed: {token} does not support this kind of key ({Name(result)})", OtherAlgorithm, 400),
        CKR.CKR_DEVICE_MEMORY => new ProblemException("token_full", $"{what} failed: {token} has no room for another object",
            "delete objects that are no longer needed from the token", 503),
        CKR.CKR_TOKEN_WRITE_PROTECTED or CKR.CKR_SESSION_READ_ONLY => new ProblemException("token_read_only",
            $"{what} failed: {token} is write-protected", "remove the write protection, or preload keys", 503),
        CKR.CKR_SESSION_COUNT => new ProblemException("token_sessions", $"{what} failed: {token} allows no further session",
            "close other programs that use the token", 503),
        CKR.CKR_DEVICE_REMOVED or CKR.CKR_TOKEN_NOT_PRESENT or CKR.CKR_TOKEN_NOT_RECOGNIZED => new ProblemException("token_absent",
            $"{what} failed: {token} is not there ({Name(result)})", "insert the token; it is tried again by itself", 503),
        CKR.CKR_USER_NOT_LOGGED_IN => new ProblemException("token_login", $"{what} failed: {token} asks for a login that was just made",
            "check the token's device and its daemon; something logs it out at once", 503),
        CKR.CKR_HOST_MEMORY or CKR.CKR_FUNCTION_FAILED or CKR.CKR_GENERAL_ERROR or CKR.CKR_DEVICE_ERROR => new ProblemException("token_error",
            $"{what} failed: {token} reports {Name(result)}",
            "check the token's device, its daemon and its free space; it is tried again by itself", 503),
        _ => new ProblemException("token_error", $"{what} failed: {token} reports {Name(result)}",
            "see what the vendor's documentation says of this value; estprov token selftest shows which operations the token can do", 503),
    };

    /// <summary>The standard's name of a return value, or its number.</summary>
    public static string Name(CKR result) => Enum.IsDefined(result) ? result.ToString() : $"0x{(uint)result:X8}";
}
