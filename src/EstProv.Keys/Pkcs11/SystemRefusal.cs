using System.Runtime.InteropServices;
using EstProv.Platform;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// Modules report a device node that the user may not open by any return value. What the kernel said last in the call (errno) tells that apart.
/// </summary>
internal static class SystemRefusal
{
    private const int NotPermitted = 1, AccessDenied = 13;

    /// <summary>Before a call of the module.</summary>
    public static void Forget() => Marshal.SetLastSystemError(0);

    /// <summary>After the call failed.</summary>
    public static bool Happened => Marshal.GetLastSystemError() is NotPermitted or AccessDenied;

    public static ProblemException Explain(string what, string module) => new("token_permission",
        $"{what} failed: the operating system refuses {module} a device or a file (permission denied)",
        "let the Key Service's user open the token's device node (its group, a udev rule, and DeviceAllow= of the unit) and the module's files", 503);
}
