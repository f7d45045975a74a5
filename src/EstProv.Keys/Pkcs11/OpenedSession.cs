using System.Runtime.InteropServices;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>A token's first session, and the flags with which all others are opened as well.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct OpenedSession(ulong Handle, ulong Flags)
{
    public bool MayWrite => (Flags & CKF.CKF_RW_SESSION) != 0;

    /// <summary>A session that may write; where the token allows none, one that may only read.</summary>
    /// <exception cref="ProblemException"><c>token_*</c>.</exception>
    public static OpenedSession Open(Pkcs11Module module, TokenFacts token)
    {
        ulong session = 0;
        var flags = CKF.CKF_SERIAL_SESSION | (token.Has(CKF.CKF_WRITE_PROTECTED) ? 0 : CKF.CKF_RW_SESSION);
        SystemRefusal.Forget();
        var result = module.Library.C_OpenSession(token.Slot, flags, IntPtr.Zero, IntPtr.Zero, ref session);
        if (result is CKR.CKR_TOKEN_WRITE_PROTECTED or CKR.CKR_SESSION_READ_ONLY or CKR.CKR_SESSION_COUNT && (flags & CKF.CKF_RW_SESSION) != 0)
        {
            flags = CKF.CKF_SERIAL_SESSION;
            result = module.Library.C_OpenSession(token.Slot, flags, IntPtr.Zero, IntPtr.Zero, ref session);
        }

        if (result != CKR.CKR_OK && SystemRefusal.Happened) throw SystemRefusal.Explain("opening a session", $"the PKCS#11 module {module.Path}");
        return result == CKR.CKR_OK ? new OpenedSession(session, flags) : throw Pkcs11Problem.Explain(result, "opening a session", token.Description);
    }
}
