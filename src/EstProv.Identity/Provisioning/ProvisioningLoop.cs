using EstProv.Certificates.Client;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Dps;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// Keeps the device registered: a credential from the Certificates Service, proved at DPS, confirmed, the assignment stored and served. Every
/// failure is a state with a next attempt; none ends the loop or takes away an assignment that still holds.
/// </summary>
internal sealed class ProvisioningLoop(
    DpsProvisioning settings,
    ICertificateClient certificates,
    Func<DeviceCredential, string, CancellationToken, Task<DpsAssignment>> register,
    Func<string, byte[], string?> findKey,
    ProvisionedStore store,
    ProvisioningStatus status,
    ProvisioningEvents events,
    BelievedClock clock)
{
    /// <summary>How long the Certificates Service may hold its answer while it issues. Short enough for a fresh problem to reach callers.</summary>
    private static readonly TimeSpan EnsureWait = TimeSpan.FromSeconds(15);

    /// <summary>So often is a first certificate shown to DPS before another one is asked for.</summary>
    private const int RefusalsOfOne = 4;

    /// <summary>A timer may end this much early.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(50);

    private readonly TimeProvider _time = clock.TimeProvider;
    private readonly Wake _wake = new();
    private readonly Backoff _passing = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5), Random.Shared);
    private readonly Backoff _local = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2), Random.Shared);
    private readonly Backoff _refused = new(TimeSpan.FromSeconds(60), TimeSpan.FromMinutes(30), Random.Shared);
    private readonly Backoff _pending = new(TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(30), Random.Shared);
    private readonly Backoff _saving = new(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10), Random.Shared);
    private int _asked;
    private int _firstRefusals;
    private bool _owed;
    private bool _unsaved;
    private string? _tried;
    private Retry? _retry;

    /// <summary>What failed and when it is due again, so that a look in between does not disregard a Retry-After.</summary>
    private sealed record Retry(string Certificate, long Since, TimeSpan Pause);

    /// <summary>Serves what a former run stored, where it still belongs to the settings. Needs no network and no crypto.</summary>
    public void Restore()
    {
        var state = store.Read(out var problem);
        if (problem is not null) events.StateUnusable(problem);
        if (state is null) return;
        if (!state.BelongsTo(settings))
        {
            events.SettingsChanged(state, settings);
            return;
        }

        events.Restored(state);
        status.Update(now => now with { Phase = ProvisioningPhase.Settled, Provisioned = state });
    }

    /// <summary>Something about the certificate may have changed: look at once.</summary>
    public void Look() => _wake.Signal();

    /// <summary>Registers again whatever the state is. Returns the number that <see cref="ProvisioningSnapshot.Reprovisions"/> reaches when that has been tried.</summary>
    public int Reprovision()
    {
        var number = Interlocked.Increment(ref _asked);
        _wake.Signal();
        return number;
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                var asked = Volatile.Read(ref _asked);
                if (asked != status.Now.Reprovisions) (_owed, _retry) = (true, null);
                var pause = await TryStepAsync(asked, stopping);
                if (pause == TimeSpan.Zero) continue;
                await _wake.WaitAsync(pause, _time, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return;
        }
    }

    /// <summary>One look at how things stand and what follows from it. Null: nothing is due until something changes.</summary>
    private async Task<TimeSpan?> TryStepAsync(int asked, CancellationToken stopping)
    {
        try
        {
            return await StepAsync(asked, stopping);
        }
        catch (Exception cause) when (cause is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            var problem = cause as ProblemException ?? new ProblemException("internal",
                $"provisioning failed in an unforeseen way ({cause.GetType().Name})", "report this with the log; it is tried again", 500, cause);
            var gap = GapAfter(problem);
            var pause = gap.Next(problem.RetryAfter);
            var known = status.Now.Problem?.Code == problem.Code;
            _retry = _tried is null ? null : new Retry(_tried, _time.GetTimestamp(), pause);
            var next = _time.GetUtcNow() + pause;
            status.Update(now => now with
            {
                Phase = ProvisioningPhase.WaitingToRetry,
                WaitingFor = $"the next attempt at {next.UtcDateTime:HH:mm:ss}Z",
                Problem = problem,
                NextAttempt = next,
                Reprovisions = asked,
            });
            // A neighbour that is being restarted is looked for many times, and told once.
            if (gap != _local) events.Failed(settings, status.Now, problem, pause);
            else if (!known) events.Waiting(problem);
            return pause;
        }
    }

    private async Task<TimeSpan?> StepAsync(int asked, CancellationToken stopping)
    {
        _tried = null;
        var (id, stored) = (settings.IdentityCert, status.Now.Provisioned);
        if (stored is null && _retry is null)
        {
            status.Update(now => now with { Phase = ProvisioningPhase.WaitingForCertificate, WaitingFor = $"certificate {id} from the Certificates Service", NextAttempt = null });
        }

        var begun = _time.GetTimestamp();
        var answer = await certificates.EnsureAsync(id, settings.IdentityPk, settings.RegistrationId, EnsureWait, stopping);
        if (answer.State is CredentialState.Pending || answer.ChainPem is null || answer.KeyHandle is null) return Pending(answer, asked, _time.GetElapsedTime(begun));
        _pending.Reset();

        var leaf = DeviceCredential.LeafOf(answer.ChainPem);
        if (answer.State is CredentialState.Current && stored is not null && !_owed && stored.Certificate == leaf)
        {
            if (_unsaved && !TrySave(stored)) return _saving.Next();
            _local.Reset();
            status.Update(now => now with { Phase = ProvisioningPhase.Settled, WaitingFor = "", Problem = null, NextAttempt = null });
            return null;
        }

        if (_retry is { } retry && retry.Certificate == leaf && retry.Pause - _time.GetElapsedTime(retry.Since) is var left && left > Tolerance)
        {
            return left;
        }

        _tried = leaf;
        using var credential = DeviceCredential.Read(id, answer.ChainPem, answer.KeyHandle);
        var assigned = await RegisterAsync(credential, answer.State, stopping);
        if (answer.State is CredentialState.Staged) await certificates.ConfirmAsync(id, credential.SpkiHash, stopping);
        return Settle(assigned, asked, answer.State is CredentialState.Staged);
    }

    private Backoff GapAfter(ProblemException problem)
    {
        if (DpsCodes.NeedsSomebody(problem)) return _refused;
        _refused.Reset();
        return problem.Code is "certd_unreachable" or "keyd_unreachable" ? _local : _passing;
    }

    private TimeSpan Pending(CredentialAnswer answer, int asked, TimeSpan took)
    {
        var problem = answer.Problem is { } told ? new ProblemException(told.Code, told.Message, told.Hint, 503) : null;
        status.Update(now => now with
        {
            Phase = now.Provisioned is null ? ProvisioningPhase.WaitingForCertificate : now.Phase,
            WaitingFor = $"certificate {settings.IdentityCert}, which the Certificates Service is getting",
            Problem = problem ?? now.Problem,
            Reprovisions = problem is null ? now.Reprovisions : asked,
        });

        // An answer that did not wait is one that will not change by asking at once again.
        return took >= TimeSpan.FromSeconds(1) ? TimeSpan.Zero : _pending.Next();
    }

    private async Task<ProvisionedState> RegisterAsync(DeviceCredential credential, CredentialState state, CancellationToken stopping)
    {
        var registrationId = settings.RegistrationId ?? credential.CommonName();
        var begun = _time.GetTimestamp();
        status.Update(now => now with
        {
            Phase = ProvisioningPhase.Registering,
            WaitingFor = $"the registration of '{registrationId}' at {settings.GlobalEndpoint.Value.IdnHost}",
            Attempt = now.Attempt + 1,
            NextAttempt = null,
        });
        events.Registering(settings, registrationId, credential, state, status.Now.Attempt);
        DpsAssignment assignment;
        try
        {
            assignment = await register(credential, registrationId, stopping);
        }
        catch (ProblemException problem) when (state is CredentialState.Staged && DpsCodes.IsCredentialRefused(problem))
        {
            // Of a first one nobody knows whether it or the enrolment is at fault: now and then another one is asked for.
            var isAtFault = status.Now.Provisioned is null ? ++_firstRefusals % RefusalsOfOne == 0 : await OldOneWorksAsync(credential, registrationId, stopping);
            if (isAtFault)
            {
                await certificates.RefuseAsync(credential.CertificateId, credential.SpkiHash, problem.Message, stopping);
                events.RenewalRefused(credential, problem);
            }

            throw;
        }

        var made = new ProvisionedState
        {
            Hub = assignment.Hub,
            DeviceId = assignment.DeviceId,
            RegistrationId = registrationId,
            Endpoint = settings.GlobalEndpoint.Value.AbsoluteUri,
            ScopeId = settings.ScopeId,
            ConfiguredRegistrationId = settings.RegistrationId,
            CertificateId = settings.IdentityCert,
            KeyId = settings.IdentityPk,
            Certificate = credential.Text,
            Spki = credential.Spki,
            Since = status.Now.Provisioned is { } old && old.Hub == assignment.Hub && old.DeviceId == assignment.DeviceId ? old.Since : clock.Now,
        };
        events.Assigned(made, credential, _time.GetElapsedTime(begun));
        return made;
    }

    /// <summary>
    /// DPS refused a renewed certificate. Only when the one in use is still accepted is the new one at fault; else the enrolment is, and new
    /// certificates would change nothing.
    /// </summary>
    private async Task<bool> OldOneWorksAsync(DeviceCredential refused, string registrationId, CancellationToken stopping)
    {
        try
        {
            var chain = await certificates.GetAsync(settings.IdentityCert, stopping);
            using var old = DeviceCredential.Find(settings.IdentityCert, chain, spki => findKey(settings.IdentityPk, spki));
            if (old is null || old.Spki == refused.Spki) return false;
            await register(old, registrationId, stopping);
            return true;
        }
        catch (ProblemException)
        {
            return false;
        }
    }

    private TimeSpan? Settle(ProvisionedState state, int asked, bool confirmed)
    {
        _passing.Reset();
        _refused.Reset();
        _local.Reset();
        _owed = false;
        _retry = null;
        var saved = TrySave(state);
        status.Update(now => now with
        {
            Phase = ProvisioningPhase.Settled,
            Provisioned = state,
            WaitingFor = "",
            Problem = saved ? null : now.Problem,
            Attempt = 0,
            NextAttempt = null,
            Reprovisions = asked,
        });
        if (confirmed) events.Confirmed(state);
        return saved ? null : _saving.Next();
    }

    /// <summary>An assignment that cannot be stored is served all the same; it is lost by a restart only, and then made again.</summary>
    private bool TrySave(ProvisionedState state)
    {
        try
        {
            store.Write(state);
            _unsaved = false;
            _saving.Reset();
        }
        catch (ProblemException problem)
        {
            _unsaved = true;
            status.Update(now => now with { Problem = problem });
            events.NotSaved(problem);
        }

        return !_unsaved;
    }
}
