using EstProv.Configuration.Identityd;
using EstProv.Identity.Api;
using EstProv.Identity.Hub;
using EstProv.Identity.Provisioning;
using EstProv.Platform;
using EstProv.Platform.Time;
using HubCodes = EstProv.Identity.Hub.HubCodes;

namespace EstProv.Identity.Modules;

/// <summary>
/// Keeps the hub's modules as the <c>[[principal]]</c>s with <c>idtype = ["module"]</c> say: made where they are missing, removed where they were made here
/// and their principal is gone. At start, for each new hub or device, and when principals change. Idle else.
/// </summary>
/// <param name="principals">Those in force.</param>
internal sealed class HostModules(
    ModuleService modules, ModuleRegister register, HubAccess hub, ProvisioningStatus status, Func<IReadOnlyList<IdentityPrincipal>> principals, ModuleEvents events,
    TimeProvider time)
{
    /// <summary>How often principals are looked at when nobody asks for anything: two calls of stat.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(1);

    /// <summary>A timer may end this much early.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(50);

    private readonly Wake _wake = new();
    private readonly Backoff _gap = new(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10), Random.Shared);
    private string _done = "";
    private string _tried = "";
    private ProvisionedState? _triedAs;
    private long _triedAt;
    private TimeSpan _pause;

    /// <summary>The principals or the device's provisioning may have changed: look at once.</summary>
    public void LookAtOnce() => _wake.Signal();

    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                var pause = await StepAsync(stopping);
                await _wake.WaitAsync(pause < Look ? pause : Look, time, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return;
        }
    }

    /// <summary>One look, and what follows from it.</summary>
    /// <returns>When the next look is due.</returns>
    internal async Task<TimeSpan> StepAsync(CancellationToken stopping)
    {
        if (status.Now.Provisioned is not { Auth: not DeviceAuth.None } state) return Look;
        var wanted = Wanted(principals());
        // The names have no line feed.
        var goal = $"{state.Hub}\n{state.DeviceId}\n{string.Join('\n', wanted)}";
        if (goal == _done) return Look;
        if (goal == _tried && ReferenceEquals(state, _triedAs) && _pause - time.GetElapsedTime(_triedAt) is var left && left > Tolerance) return left;
        (_tried, _triedAs) = (goal, state);
        var begun = time.GetTimestamp();
        ProblemException problem;
        try
        {
            var count = await ReconcileAsync(wanted, stopping);
            _done = goal;
            _gap.Reset();
            if (count > 0) events.Reconciled(count, time.GetElapsedTime(begun));
            return Look;
        }
        catch (ProblemException expected)
        {
            problem = expected;
        }
        catch (Exception cause) when (cause is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            problem = new ProblemException("internal", $"the modules could not be looked after in an unforeseen way ({cause.GetType().Name})",
                "report this with the log; it is tried again", 500, cause);
        }

        _pause = _gap.Next(problem.RetryAfter);
        _triedAt = time.GetTimestamp();
        events.ReconcileFailed(problem, _pause);
        return _pause;
    }

    /// <returns>How many modules there are of principals.</returns>
    /// <exception cref="ProblemException">What stands in the way first; the other modules have been looked after where the hub answers.</exception>
    private async Task<int> ReconcileAsync(SortedSet<string> wanted, CancellationToken stopping)
    {
        if (wanted.Count == 0 && !HasStale(hub.Device, wanted)) return 0;
        var (device, listed) = await modules.ListNowAsync(stopping);
        ProblemException? first = null;
        foreach (var known in register.All(device))
        {
            if (!known.IsHosts || wanted.Contains(known.ModuleId)) continue;
            var problem = await TryAsync(() => RemoveAsync(known.ModuleId, stopping));
            first ??= problem;
        }

        foreach (var name in wanted)
        {
            var problem = await TryAsync(() => modules.EnsureHostsAsync(name, listed, stopping));
            first ??= problem;
        }

        return first is null ? wanted.Count : throw first;
    }

    private async Task RemoveAsync(string moduleId, CancellationToken stopping)
    {
        try
        {
            await modules.DeleteAsync(moduleId, "its principal is gone", stopping);
        }
        catch (ProblemException problem) when (problem.Code == HubCodes.ModuleNotFound)
        {
            return;
        }
    }

    private static async Task<ProblemException?> TryAsync(Func<Task> step)
    {
        try
        {
            await step();
            return null;
        }
        catch (ProblemException problem) when (HubCodes.IsOfOneModule(problem))
        {
            return problem;
        }
    }

    private bool HasStale(HubDevice device, SortedSet<string> wanted)
    {
        foreach (var known in register.All(device))
        {
            if (known.IsHosts && !wanted.Contains(known.ModuleId)) return true;
        }

        return false;
    }

    private static SortedSet<string> Wanted(IReadOnlyList<IdentityPrincipal> principals)
    {
        var wanted = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var principal in principals)
        {
            foreach (var type in principal.IdTypes)
            {
                if (type == IdentityRights.Module) wanted.Add(principal.Name);
            }
        }

        return wanted;
    }
}
