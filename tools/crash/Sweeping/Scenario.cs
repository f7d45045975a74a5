namespace EstProv.Crash.Sweeping;

/// <summary>What the daemons are doing when the power goes.</summary>
/// <param name="Start">The device that it begins with.</param>
/// <param name="LocalMint">device-id is minted under a device CA, which is itself issued and renewed; else it comes over EST.</param>
/// <param name="Work">What there is to do.</param>
internal sealed record Scenario(string Name, Start Start, bool LocalMint, Work Work)
{
    /// <summary>The credentials that are there in the end.</summary>
    public IReadOnlyList<string> Ids => LocalMint ? ["est-id", "device-ca", "device-id"] : ["est-id", "device-id"];

    /// <summary>A provisioned device renews everything, with new keys.</summary>
    public bool Renewal => Work == Work.Renewal;
}

internal enum Start
{
    /// <summary>A token with a bootstrap key, and its certificate.</summary>
    Blank,

    /// <summary>Registered, with all certificates, and no module.</summary>
    Provisioned,
}

internal enum Work
{
    /// <summary>It is provisioned by DPS.</summary>
    FirstIssue,

    /// <summary>Time has passed, all certificates are due.</summary>
    Renewal,

    /// <summary>A host-level module comes, another one goes; a module runtime makes two modules and removes one.</summary>
    Modules,

    /// <summary>It has come by DPS and is to be provisioned by its certificate alone.</summary>
    WithoutCloud,
}

/// <summary>All of them.</summary>
internal static class Scenarios
{
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("first-issue", Start.Blank, LocalMint: false, Work.FirstIssue),
        new("renewal", Start.Provisioned, LocalMint: false, Work.Renewal),
        new("first-issue-local", Start.Blank, LocalMint: true, Work.FirstIssue),
        new("renewal-local", Start.Provisioned, LocalMint: true, Work.Renewal),
        new("modules", Start.Provisioned, LocalMint: false, Work.Modules),
        new("without-cloud", Start.Provisioned, LocalMint: false, Work.WithoutCloud),
    ];
}
