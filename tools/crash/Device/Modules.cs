using System.Net;
using EstProv.Crash.Checks;

namespace EstProv.Crash.Device;

/// <summary>
/// An operator and a module runtime at work, step by step: the operator's first host-level module gives way to another one; the runtime
/// makes two modules and removes one. After a restart they begin where they were: what was not answered is asked for again.
/// </summary>
internal sealed class Modules(DeviceFolder device)
{
    public const string First = "first", Second = "second", Agent = "agent", Removed = "removed";

    private const string Path = "/identities/modules", Query = "?type=aziot";

    /// <summary>How far the two have come.</summary>
    public ModulesProgress Progress { get; set; } = new();

    /// <summary>Those that there are when all is done.</summary>
    public static IReadOnlyList<string> Final { get; } = [Agent, Second];

    /// <summary>What the device is told before the work begins.</summary>
    public void Begin()
    {
        Progress = new ModulesProgress();
        device.SetHostModule(First);
    }

    /// <summary>The operator goes on after a restart: his change is made, whatever had become of the first.</summary>
    public void GoOn()
    {
        Progress = Progress with { Replaced = true, Told = Progress.Told.Remove(First) };
        device.SetHostModule(Second);
    }

    /// <summary>Does the next step, or looks whether the last one has come to its end.</summary>
    /// <returns>Null when all is done; else what is waited for.</returns>
    /// <exception cref="Finding">identityd says something that it must not.</exception>
    public string? Step(LocalClient identityd)
    {
        if (!Progress.Replaced && !IsThere(identityd, First)) return $"{First} is not there";
        foreach (var name in (ReadOnlySpan<string>)[Agent, Removed])
        {
            if (Progress.Told.Contains(name) || (name == Removed && Progress.Removing)) continue;
            if (!Make(identityd, name)) return $"{name} cannot be made";
            Progress = Progress with { Told = Progress.Told.Add(name) };
        }

        if (!Progress.Replaced) GoOn();
        if (!Progress.Removed)
        {
            Progress = Progress with { Removing = true, Told = Progress.Told.Remove(Removed) };
            var answer = identityd.Ask($"{Path}/{Removed}{Query}", method: HttpMethod.Delete);
            if (answer is not { Status: HttpStatusCode.NoContent or HttpStatusCode.NotFound })
                return $"{Removed} cannot be removed";
            Progress = Progress with { Removed = true };
        }

        return IsThere(identityd, Second) ? null : $"{Second} is not there";
    }

    private bool IsThere(LocalClient identityd, string name)
    {
        if (identityd.Ask($"{Path}/{name}{Query}") is not { Status: HttpStatusCode.OK }) return false;
        Progress = Progress with { Told = Progress.Told.Add(name) };
        return true;
    }

    private static bool Make(LocalClient identityd, string name) =>
        identityd.Ask(Path, $$"""{"type":"aziot","moduleId":"{{name}}","managedBy":"crash"}""") is { Status: HttpStatusCode.OK };
}
