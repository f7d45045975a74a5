namespace EstProv.Platform;

/// <summary>What a daemon does to itself before it touches a secret.</summary>
public static class ProcessHardening
{
    private const int SetDumpable = 4; // PR_SET_DUMPABLE, prctl(2)

    /// <summary>No core dump and no ptrace by the same user: a PIN or a key in memory stays there.</summary>
    public static void ForbidCoreDumps() => _ = Libc.ProcessControl(SetDumpable, 0, 0, 0, 0);

    /// <summary>The effective user id of this process.</summary>
    public static uint UserId => Libc.EffectiveUserId();
}
