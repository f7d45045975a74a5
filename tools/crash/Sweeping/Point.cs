namespace EstProv.Crash.Sweeping;

/// <summary>
/// Where the power goes: as a daemon enters its nth writing call on its own files (<c>own</c>) or on the token's (<c>token</c>).
/// </summary>
internal sealed record Point(Scenario Scenario, string Daemon, string Place, int Number)
{
    public override string ToString() => $"{Scenario.Name} {Daemon} {Place} {Number}";
}
