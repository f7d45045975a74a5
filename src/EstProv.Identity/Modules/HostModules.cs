using System.Globalization;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Hub;
using EstProv.Identity.Provisioning;
using EstProv.Platform;
using EstProv.Platform.Time;
using HubCodes = EstProv.Identity.Hub.HubCodes;

namespace EstProv.Identity.Modules;

/// <summary>
/// Keeps the hub's modules as the <c>[[principal]]</c>s with <c>idtype = ["module"]</c> say: made where they are missing, removed where
/// they were made here and their principal is gone. At start, for each new hub or device, when the device was registered again, when
/// principals change, and when a module's certificate does. Idle else.
/// </summary>
/// <param name="principals">Those in force.</param>
/// <param name="followCertificates">
/// Called where there are modules with certificates: <see cref="LookAtCertificates"/> is to be called then.
/// </param>
internal sealed class HostModules(
    ModuleService modules, ModuleRegister register, HubAccess hub, ProvisioningStatus status,
    Func<IReadOnlyList<IdentityPrincipal>> principals, Action followCertificates, ModuleEvents events, TimeProvider time)
{
    /// <summary>How often principals are looked at when nobody asks for anything: two calls of stat.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(1);

    /// <summary>A timer may end this much early.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(50);

    private readonly Wake _wake = new();
    private readonly Backoff _gap = new(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10), Random.Shared);
    private int _certificateTurn;
    private string _done = "";
    private string _doneGoal = "";
    private string _tried = "";
    private ProvisionedState? _triedAs;
    private long _triedAt;
    private TimeSpan _pause;

    /// <summary>The principals or the device's provisioning may have changed: look at once.</summary>
    public void LookAtOnce() => _wake.Signal();

    /// <summary>Something about a module's certificate may have changed: look at once.</summary>
    public void LookAtCertificates()
    {
        Interlocked.Increment(ref _certificateTurn);
        _wake.Signal();
    }

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
        var now = status.Now;
        if (now.Provisioned is not { Auth: not DeviceAuth.None } state) return Look;
        var wanted = WantedModules.Of(principals());
        if (wanted.Certified.Count > 0) followCertificates();
        // A device that was removed from its hub and registered again has the name it had, and no modules.
        var modulesGoal = string.Create(CultureInfo.InvariantCulture, $"{state.Hub}\n{state.DeviceId}\n{now.Reprovisions}\n{wanted.Text}");
        var goal = wanted.Certified.Count == 0 ? modulesGoal
            : string.Create(CultureInfo.InvariantCulture, $"{modulesGoal}\n{Volatile.Read(ref _certificateTurn)}");
        if (goal == _done) return Look;
        if (goal == _tried && ReferenceEquals(state, _triedAs) && _pause - time.GetElapsedTime(_triedAt) is var left
            && left > Tolerance)
        {
            return left;
        }

        (_tried, _triedAs) = (goal, state);
        var begun = time.GetTimestamp();
        ProblemException problem;
        try
        {
            var isAll = modulesGoal != _doneGoal;
            if (isAll) await ReconcileAsync(wanted, stopping);
            else await CertifyAsync(wanted, null, null, stopping);
            (_done, _doneGoal) = (goal, modulesGoal);
            _gap.Reset();
            if (isAll && wanted.Count > 0) events.Reconciled(wanted.Count, time.GetElapsedTime(begun));
            return Look;
        }
        catch (ProblemException expected)
        {
            problem = expected;
        }
        catch (Exception cause) when (cause is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            problem = new ProblemException("internal",
                $"the modules could not be looked after in an unforeseen way ({cause.GetType().Name})",
                "report this with the log; it is tried again", 500, cause);
        }

        _pause = _gap.Next(problem.RetryAfter);
        _triedAt = time.GetTimestamp();
        events.ReconcileFailed(problem, _pause);
        return _pause;
    }

    /// <exception cref="ProblemException">
    /// What stands in the way first; the other modules have been looked after where the hub answers.
    /// </exception>
    private async Task ReconcileAsync(WantedModules wanted, CancellationToken stopping)
    {
        if (wanted.Count == 0 && !HasStale(hub.Device, wanted)) return;
        var (device, listed) = await modules.ListNowAsync(stopping);
        ProblemException? first = null;
        foreach (var known in register.All(device))
        {
            if (!known.IsHosts || wanted.Contains(known.ModuleId)) continue;
            var problem = await TryAsync(() => RemoveAsync(known.ModuleId, stopping));
            first ??= problem;
        }

        foreach (var name in wanted.WithKeys)
        {
            var problem = await TryAsync(() => modules.EnsureHostsAsync(name, listed, stopping));
            first ??= problem;
        }

        await CertifyAsync(wanted, listed, first, stopping);
    }

    /// <param name="listed">Null where the hub is asked only if there is something to tell it.</param>
    /// <param name="first">What stood in the way of others.</param>
    private async Task CertifyAsync(WantedModules wanted, IReadOnlyList<HubModule>? listed, ProblemException? first,
        CancellationToken stopping)
    {
        foreach (var name in wanted.Certified)
        {
            var problem = await TryAsync(() => modules.EnsureCertifiedAsync(name, null, listed, always: false, stopping),
                isCertified: true);
            first ??= problem;
        }

        if (first is not null) throw first;
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

    /// <param name="isCertified">What certd says of one certificate concerns no other.</param>
    private static async Task<ProblemException?> TryAsync(Func<Task> step, bool isCertified = false)
    {
        try
        {
            await step();
            return null;
        }
        catch (ProblemException problem) when (HubCodes.IsOfOneModule(problem)
            || (isCertified && !HubCodes.IsOffline(problem) && !HubCodes.IsCredentialRefused(problem)))
        {
            return problem;
        }
    }

    private bool HasStale(HubDevice device, WantedModules wanted)
    {
        foreach (var known in register.All(device))
        {
            if (known.IsHosts && !wanted.Contains(known.ModuleId)) return true;
        }

        return false;
    }
}
