using EstProv.Certificates.Client;
using EstProv.Configuration.Identityd;
using EstProv.LocalApi.Client;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// Keeps the device provisioned: a credential from the Certificates Service, or a symmetric key of the Key Service, proved at its source,
/// confirmed, the assignment stored and served. Every failure is a state with a next attempt; none ends the loop or takes away an
/// assignment that still holds.
/// </summary>
internal sealed class ProvisioningLoop(
    IProvisioningSource source,
    ICertificateClient certificates,
    Func<string, byte[], string?> findKey,
    ProvisionedStore store,
    ProvisioningStatus status,
    ProvisioningEvents events,
    BelievedClock clock)
{
    /// <summary>
    /// How long the Certificates Service may hold its answer while it issues. Short enough for a fresh problem to reach callers.
    /// </summary>
    private static readonly TimeSpan EnsureWait = TimeSpan.FromSeconds(15);

    /// <summary>So often is a first certificate shown to DPS before another one is asked for.</summary>
    private const int RefusalsOfOne = 4;

    /// <summary>A timer may end this much early.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(50);

    private readonly ProvisioningSettings _settings = source.Settings;
    private readonly string _credentialId = source.Settings.Authentication is CertificateAuthentication shown
        ? shown.CertificateId : source.Settings.Authentication.KeyId;
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
        if (!state.BelongsTo(_settings))
        {
            events.SettingsChanged(state, _settings);
            return;
        }

        events.Restored(state);
        state = state with { Gateway = _settings.LocalGatewayHostname };
        _owed = _settings.AlwaysReprovisionOnStartup;
        status.Update(now => now with { Phase = ProvisioningPhase.Settled, Provisioned = state });
    }

    /// <summary>Something about the certificate may have changed: look at once.</summary>
    public void Look() => _wake.Signal();

    /// <summary>
    /// Registers again whatever the state is. Returns the number that <see cref="ProvisioningSnapshot.Reprovisions"/> reaches when that has
    /// been tried.
    /// </summary>
    public int Reprovision()
    {
        var number = Interlocked.Increment(ref _asked);
        _wake.Signal();
        return number;
    }

    /// <summary>
    /// The hub refused the device's credential: as <see cref="Reprovision"/>, unless the configuration leaves that to somebody
    /// (<c>dynamic_reprovisioning</c>).
    /// </summary>
    /// <returns>Null when it does.</returns>
    public int? ReprovisionAfterRefusal() => _settings.DynamicReprovisioning ? Reprovision() : null;

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
                $"provisioning failed in an unforeseen way ({cause.GetType().Name})", "report this with the log; it is tried again", 500,
                cause);
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
            if (gap != _local) events.Failed(source, _credentialId, status.Now, problem, pause);
            else if (!known) events.Waiting(problem);
            return pause;
        }
    }

    private async Task<TimeSpan?> StepAsync(int asked, CancellationToken stopping)
    {
        _tried = null;
        if (_settings.Authentication is not CertificateAuthentication certificate)
            return await ShowAsync("", CredentialState.Current, () => new DeviceKey(_credentialId), asked, stopping);

        var id = certificate.CertificateId;
        if (status.Now.Provisioned is null && _retry is null)
        {
            status.Update(now => now with
            {
                Phase = ProvisioningPhase.WaitingForCertificate,
                WaitingFor = $"certificate {id} from the Certificates Service",
                NextAttempt = null,
            });
        }

        var begun = _time.GetTimestamp();
        var answer = await certificates.EnsureAsync(id, certificate.KeyId, source.CommonName, EnsureWait, stopping);
        if (answer.State is CredentialState.Pending || answer.ChainPem is not { } chain || answer.KeyHandle is not { } handle)
            return Pending(answer, asked, _time.GetElapsedTime(begun));
        _pending.Reset();
        var leaf = DeviceCredential.LeafOf(chain);
        return await ShowAsync(leaf, answer.State, () => DeviceCredential.Read(id, chain, handle), asked, stopping);
    }

    /// <param name="leaf">The certificate; empty without one.</param>
    private async Task<TimeSpan?> ShowAsync(string leaf, CredentialState state, Func<ShownCredential> open, int asked,
        CancellationToken stopping)
    {
        var stored = status.Now.Provisioned;
        if (state is CredentialState.Current && stored is not null && !_owed && stored.Certificate == leaf)
        {
            if (_unsaved && !TrySave(stored)) return _saving.Next();
            _local.Reset();
            status.Update(now => now with { Phase = ProvisioningPhase.Settled, WaitingFor = "", Problem = null, NextAttempt = null });
            return null;
        }

        if (_retry is { } retry && retry.Certificate == leaf && retry.Pause - _time.GetElapsedTime(retry.Since) is var left
            && left > Tolerance)
        {
            return left;
        }

        _tried = leaf;
        using var shown = open();
        if (state is CredentialState.Current && stored is null && source.Known is { } known) ServeKnown(known, shown);
        var made = await ProveAsync(shown, state, stopping);
        if (state is CredentialState.Staged) await certificates.ConfirmAsync(shown.Id, ((DeviceCredential)shown).SpkiHash, stopping);
        return Settle(made, asked, state is CredentialState.Staged);
    }

    /// <summary>
    /// Whoever waits for an identity need not wait for a hub that may be out of reach for days; what is left to do is owed.
    /// </summary>
    private void ServeKnown(Assignment known, ShownCredential shown)
    {
        var made = ProvisionedState.Of(_settings, known, source.NameOf(shown), shown, clock.Now);
        _owed = true;
        status.Update(now => now with { Provisioned = made });
        events.Known(made);
    }

    private Backoff GapAfter(ProblemException problem)
    {
        if (CloudCodes.NeedsSomebody(problem)) return _refused;
        _refused.Reset();
        return LocalTrouble.IsPassing(problem) ? _local : _passing;
    }

    private TimeSpan Pending(CredentialAnswer answer, int asked, TimeSpan took)
    {
        var problem = answer.Problem is { } told ? new ProblemException(told.Code, told.Message, told.Hint, 503) : null;
        status.Update(now => now with
        {
            Phase = now.Provisioned is null ? ProvisioningPhase.WaitingForCertificate : now.Phase,
            WaitingFor = $"certificate {_credentialId}, which the Certificates Service is getting",
            Problem = problem ?? now.Problem,
            Reprovisions = problem is null ? now.Reprovisions : asked,
        });

        // An answer that did not wait is one that will not change by asking at once again.
        return took >= TimeSpan.FromSeconds(1) ? TimeSpan.Zero : _pending.Next();
    }

    private async Task<ProvisionedState> ProveAsync(ShownCredential shown, CredentialState state, CancellationToken stopping)
    {
        var name = source.NameOf(shown);
        var begun = _time.GetTimestamp();
        status.Update(now => now with
        {
            Phase = ProvisioningPhase.Registering,
            WaitingFor = _settings is DpsProvisioning dps ? $"the registration of '{name}' at {dps.GlobalEndpoint.Value.IdnHost}"
                : $"{source.Place}, which is shown {shown.Id} as '{name}'",
            Attempt = now.Attempt + 1,
            NextAttempt = null,
        });
        events.Registering(source, name, shown, state, status.Now.Attempt);
        Assignment assignment;
        try
        {
            assignment = await source.ProveAsync(shown, name, stopping);
        }
        catch (ProblemException problem) when (state is CredentialState.Staged && !source.KeepsRefused
            && CloudCodes.IsCredentialRefused(problem))
        {
            var credential = (DeviceCredential)shown;
            // Of a first one nobody knows whether it or the enrolment is at fault: now and then another one is asked for.
            var isAtFault = status.Now.Provisioned is null ? ++_firstRefusals % RefusalsOfOne == 0
                : await OldOneWorksAsync(credential, name, stopping);
            if (isAtFault)
            {
                await certificates.RefuseAsync(credential.CertificateId, credential.SpkiHash, problem.Message, stopping);
                events.RenewalRefused(credential, source, problem);
            }

            throw;
        }

        var before = status.Now.Provisioned;
        var isSame = before is not null && before.Hub == assignment.Hub && before.DeviceId == assignment.DeviceId;
        var made = ProvisionedState.Of(_settings, assignment, name, shown, isSame ? before!.Since : clock.Now);
        events.Assigned(made, source, shown, before, _time.GetElapsedTime(begun));
        return made;
    }

    /// <summary>
    /// A renewed certificate was refused. Only when the one in use is still accepted is the new one at fault; else the enrolment is, and
    /// new certificates would change nothing.
    /// </summary>
    private async Task<bool> OldOneWorksAsync(DeviceCredential refused, string name, CancellationToken stopping)
    {
        try
        {
            var chain = await certificates.GetAsync(refused.CertificateId, stopping);
            using var old = DeviceCredential.Find(refused.CertificateId, chain, spki => findKey(_settings.Authentication.KeyId, spki));
            if (old is null || old.Spki == refused.Spki) return false;
            await source.ProveAsync(old, name, stopping);
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
        if (confirmed) events.Confirmed(state, source);
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
