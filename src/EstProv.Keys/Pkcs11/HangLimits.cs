namespace EstProv.Keys.Pkcs11;

/// <summary>For how long a call may be in the module before it counts as one that never returns.</summary>
internal static class HangLimits
{
    /// <summary>In place of a time: nothing is going on.</summary>
    public const long NotNow = long.MaxValue;

    // C_Initialize of a card reader's module may take seconds; a login asks the token for its slowest computation.
    private static readonly TimeSpan Opening = TimeSpan.FromSeconds(15);

    // Below the deadline of a request, at which it is looked.
    private static readonly TimeSpan Use = TimeSpan.FromSeconds(4.5);

    /// <summary>Longer than any token takes to generate a key.</summary>
    private static readonly TimeSpan PatientUse = TimeSpan.FromMinutes(2);

    /// <param name="openingSince">In milliseconds, as <see cref="Environment.TickCount64"/> counts.</param>
    public static bool AreExceeded(long openingSince, ReadOnlySpan<Pkcs11Token> tokens)
    {
        if (openingSince != NotNow && Environment.TickCount64 - openingSince > Opening.TotalMilliseconds) return true;
        var exceeded = false;
        foreach (var token in tokens)
        {
            var (oldest, patient) = token.Busy();
            if (patient > PatientUse) return true;
            // Many modules do one thing at a time: the others wait for this one.
            if (patient > TimeSpan.Zero) return false;
            exceeded |= oldest > Use;
        }

        return exceeded;
    }
}
