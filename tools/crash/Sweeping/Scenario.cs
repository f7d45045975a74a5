namespace EstProv.Crash.Sweeping;

/// <summary>What the daemons are doing when the power goes.</summary>
/// <param name="Renewal">A provisioned device renews everything, with new keys; else a blank one is provisioned.</param>
/// <param name="LocalMint">device-id is minted under a device CA, which is itself issued and renewed; else it comes over EST.</param>
internal sealed record Scenario(string Name, bool Renewal, bool LocalMint)
{
    /// <summary>The credentials that are there in the end.</summary>
    public IReadOnlyList<string> Ids => LocalMint ? ["est-id", "device-ca", "device-id"] : ["est-id", "device-id"];
}

/// <summary>All of them.</summary>
internal static class Scenarios
{
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("first-issue", Renewal: false, LocalMint: false),
        new("renewal", Renewal: true, LocalMint: false),
        new("first-issue-local", Renewal: false, LocalMint: true),
        new("renewal-local", Renewal: true, LocalMint: true),
    ];
}
