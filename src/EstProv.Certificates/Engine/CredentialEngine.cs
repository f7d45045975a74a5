using System.Security.Cryptography;
using EstProv.Certificates.Client;
using EstProv.Certificates.Renewal;
using EstProv.Certificates.Store;
using EstProv.Keys.Client;
using EstProv.LocalApi.Client;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates.Engine;

/// <summary>A credential that can be used now.</summary>
internal sealed record UsableCredential(Credential Credential, string ChainPem, KeyReference Key);

/// <summary>
/// Sees to it that every credential is issued, proved and renewed in time: looks which of them has something to do, and starts a thread for each such. Never sleeps for
/// long, and never between two steps that can follow each other.
/// </summary>
internal sealed partial class CredentialEngine : IDisposable
{
    /// <summary>A wall clock that moves by more than this against the monotonic one was set.</summary>
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan ShortestSleep = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan WorkMayTake = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan WithoutThread = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan WorthWriting = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan ThreadsMayTake = TimeSpan.FromSeconds(5);

    private readonly EngineParts _parts;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly TrustRefresh _trust;
    private ITimer? _timer;
    private int _running;
    private bool _started;
    private DateTimeOffset _wallSeen;
    private long _timestampSeen;

    public CredentialEngine(EngineParts parts, ILogger log)
    {
        _parts = parts;
        _log = log;
        Table = new CredentialTable(parts);
        Identities = new IdentityChoice(parts, Table);
        Bootstrap = new BootstrapGuard(parts.Time);
        Replacements = new Replacements(parts, Table, Identities);
        Steps = new CredentialSteps(parts, Table, Identities, new Proofs(parts, Table, Identities), Bootstrap, Replacements);
        Announcements = new Announcements(parts, Table, Replacements);
        _trust = new TrustRefresh(parts, Table, Identities);
        _wallSeen = parts.Time.GetUtcNow();
        _timestampSeen = parts.Time.GetTimestamp();
    }

    public CredentialTable Table { get; }

    public IdentityChoice Identities { get; }

    public BootstrapGuard Bootstrap { get; }

    public CredentialSteps Steps { get; }

    public Replacements Replacements { get; }

    public Announcements Announcements { get; }

    public CancellationToken Stopping => _stop.Token;

    public void Start()
    {
        Replacements.JudgeAll();
        lock (Table.Gate) _started = true;
        Evaluate();
    }

    /// <summary>Looks at every credential and starts what can be done. Cheap; called after every change.</summary>
    public void Evaluate()
    {
        lock (Table.Gate)
        {
            if (!_started || _stop.IsCancellationRequested) return;
            var sleep = Needs.LongestSleep;
            // A credential that waits for another one wakes it; that one may have been looked at before.
            for (var again = true; again;)
            {
                again = false;
                foreach (var credential in Table.Credentials)
                {
                    if (credential.Busy) continue;
                    var wait = Consider(credential, ref again);
                    if (wait is { } time && time < sleep) sleep = time;
                }
            }

            // A new one each time: setting one again while it is going off is a race.
            _timer?.Dispose();
            _timer = _parts.Time.CreateTimer(_ => Tick(), null, sleep > ShortestSleep ? sleep : ShortestSleep, Timeout.InfiniteTimeSpan);
            Monitor.PulseAll(Table.Gate);
        }
    }

    /// <summary>Waits until a credential can be used, having it issued where need be.</summary>
    /// <exception cref="ProblemException">What keeps it from being there; <c>certificate_pending</c> when time is up.</exception>
    public UsableCredential Acquire(Credential credential, TimeSpan wait, CancellationToken cancel)
    {
        int before;
        lock (Table.Gate)
        {
            credential.Wanted = true;
            before = DisappointmentsOf(credential);
        }

        Evaluate();
        WaitUntil(wait, () => Needs.IsReady(credential, _parts.Clock) || DisappointmentsOf(credential) > before, cancel);
        CredentialProblem? problem = null;
        KeyReference? key = null;
        lock (Table.Gate)
        {
            if (Needs.IsReady(credential, _parts.Clock)) key = credential.Key;
            else problem = ProblemOf(credential);
        }

        if (key is not null) return new UsableCredential(credential, Identities.Shown(credential).ChainPem!, key);

        throw problem is not null
            ? new ProblemException(problem.Code, $"the certificate '{credential.Id}' is needed first: {problem.Message}", problem.Hint, 503)
            : new ProblemException("certificate_pending", $"the certificate '{credential.Id}' is needed first and is not there yet", "try again in a moment", 503);
    }

    /// <summary>Why it is not there: its own problem, else that of what it waits for.</summary>
    public CredentialProblem? ProblemOf(Credential credential)
    {
        if (credential.Problem is not null || credential.Issuance is null) return credential.Problem ?? EndOf(credential);
        return Needed(credential) is { } needed && !Needs.IsReady(needed, _parts.Clock) ? ProblemOf(needed) : null;
    }

    /// <summary>Of a device CA that is the operator's, whom nobody but him can replace.</summary>
    private CredentialProblem? EndOf(Credential credential)
    {
        if (!ReferenceEquals(credential, Table.DeviceCa) || credential.Current is not { } ca) return null;
        if (!Needs.IsExpired(ca, _parts.Clock)) return null;
        var problem = Issuing.LocalMint.Expired(ca.Subject, ca.NotAfter);
        return new CredentialProblem(problem.Message, problem.Hint, problem.Code);
    }

    /// <summary>Of a credential and of what it is issued with.</summary>
    public int DisappointmentsOf(Credential credential) => credential.Disappointments + (Needed(credential) is { } needed ? DisappointmentsOf(needed) : 0);

    /// <summary>Waits for a condition that is judged under the gate; by the engine's own time.</summary>
    /// <returns>Whether it came true.</returns>
    public bool WaitUntil(TimeSpan wait, Func<bool> condition, CancellationToken cancel)
    {
        // Not read off a clock: a timer may go off a little before the clock says so, and it goes off once.
        var isOver = wait <= TimeSpan.Zero;
        void Wake()
        {
            lock (Table.Gate) Monitor.PulseAll(Table.Gate);
        }

        void End()
        {
            lock (Table.Gate)
            {
                isOver = true;
                Monitor.PulseAll(Table.Gate);
            }
        }

        using var deadline = isOver ? null : _parts.Time.CreateTimer(_ => End(), null, wait, Timeout.InfiniteTimeSpan);
        using var ended = cancel.Register(Wake);
        using var stopped = _stop.Token.Register(Wake);
        lock (Table.Gate)
        {
            while (!condition())
            {
                if (isOver || cancel.IsCancellationRequested || _stop.IsCancellationRequested) return false;
                Monitor.Wait(Table.Gate);
            }

            return true;
        }
    }

    /// <summary>Takes a credential away from the engine while <paramref name="work"/> runs, waiting for the engine's own work on it to end.</summary>
    public void Exclusively(Credential credential, Action work, CancellationToken cancel)
    {
        bool Claim()
        {
            if (credential.Busy) return false;
            credential.Busy = true;
            return true;
        }

        if (!WaitUntil(WorkMayTake, Claim, cancel))
            throw new ProblemException("certificate_busy", $"certificate '{credential.Id}' is being worked on", "try again in a moment", 503);

        try
        {
            work();
        }
        finally
        {
            Judge(credential);
            lock (Table.Gate)
            {
                credential.Busy = false;
                Evaluate();
            }
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        lock (Table.Gate)
        {
            _timer?.Dispose();
            Monitor.PulseAll(Table.Gate);
            var until = Environment.TickCount64 + (long)ThreadsMayTake.TotalMilliseconds;
            while (_running > 0 && Environment.TickCount64 < until) Monitor.Wait(Table.Gate, 100);
        }
    }

    /// <returns>When to look again; null when nothing but an event changes anything.</returns>
    private TimeSpan? Consider(Credential credential, ref bool again)
    {
        var clock = _parts.Clock;
        var wait = Needs.Wait(credential, _parts.Time);
        var hasState = credential.Current is not null || credential.Staged is not null || credential.Pending is not null;
        if (credential.PromotionDue || credential.TakesBack || (!credential.Recovered && hasState)) return Begin(credential, wait);
        if (credential.Staged is not null)
        {
            if (Needs.TakesUnproved(credential, clock) || Needs.IsExpired(credential.Staged, clock)) return Begin(credential, wait);
            if (!credential.ProvedByCaller) return IsWaitingForIdentity(credential, ref again) ? null : Begin(credential, wait);
            var end = credential.Current is { } old && old.NotAfter < credential.Staged.NotAfter ? old.NotAfter : credential.Staged.NotAfter;
            // Past it there is nothing to wait for but the clock, which the longest sleep looks at.
            return end > clock.Now ? end - clock.Now : null;
        }

        if (Needs.Of(credential, clock, Identities.BootstrapAlways(credential)) == Need.None)
            return credential is { Issuance: not null, Current: { } current } ? Needs.RenewalAt(credential, current) - clock.Now : null;
        if (wait > TimeSpan.Zero) return wait;
        // The key and the request can be made while something else is waited for, which then wakes this one.
        return MustWait(credential, ref again) && credential.Prepared is not null ? null : Begin(credential, wait);
    }

    /// <summary>A CA is proved with the EST identity at hand; everything else by itself.</summary>
    private bool IsWaitingForIdentity(Credential credential, ref bool again) => credential.Profile == Issuing.CertificateProfile.Ca && MustWait(credential, ref again);

    /// <summary>Whether something that it is issued with is not there; that is wanted from now on.</summary>
    private bool MustWait(Credential credential, ref bool again)
    {
        if (Needed(credential) is not { } needed || Needs.IsReady(needed, _parts.Clock)) return false;
        if (!needed.Wanted)
        {
            needed.Wanted = again = true;
            // The device's name is that of its EST identity as well; what else has an identity of its own does not name that.
            var isNamedAlike = credential.Profile != Issuing.CertificateProfile.Ca && (ReferenceEquals(needed, Table.Identity) || credential.Id == "device-id");
            if (isNamedAlike) needed.WantedName ??= credential.WantedName;
        }

        return true;
    }

    private TimeSpan? Begin(Credential credential, TimeSpan wait)
    {
        if (wait > TimeSpan.Zero) return wait;
        credential.Busy = true;
        _running++;
        try
        {
            new Thread(() => Work(credential)) { IsBackground = true, Name = credential.Id }.Start();
            return null;
        }
        catch (Exception cause) when (cause is ThreadStartException or OutOfMemoryException)
        {
            credential.Busy = false;
            _running--;
            Log.NoThread(_log, credential.Id);
            return WithoutThread;
        }
    }

    private void Work(Credential credential)
    {
        try
        {
            Steps.Run(credential, _stop.Token);
            lock (Table.Gate)
            {
                if (credential.Pending is null) credential.ForgetFailures();
            }

            ForgetWait(credential);
        }
        catch (ProblemException problem)
        {
            Fail(credential, problem);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The next start goes on here.
        }
#pragma warning disable CA1031 // Whatever it is: the device goes on with what it has, and tries again.
        catch (Exception cause)
#pragma warning restore CA1031
        {
            if (!_stop.IsCancellationRequested) Fail(credential, Unexpected(credential, cause));
        }
        finally
        {
            Judge(credential);
            lock (Table.Gate)
            {
                credential.Busy = false;
                _running--;
                Monitor.PulseAll(Table.Gate);
                Evaluate();
            }
        }
    }

    /// <summary>Its certificate may be another one now; and what a CA has minted goes by that CA's.</summary>
    private void Judge(Credential credential)
    {
        if (credential.Profile == Issuing.CertificateProfile.Ca) Replacements.JudgeAll();
        else Replacements.Judge(credential);
    }

    private static ProblemException Unexpected(Credential credential, Exception cause) => cause is CryptographicException
        ? new("crypto", $"certificate '{credential.Id}': a cryptographic operation failed (0x{cause.HResult:x8})", "look at the lines before; it is tried again by itself", 500, cause)
        : new("internal", $"certificate '{credential.Id}': unexpected {cause.GetType().Name}", "see journalctl -u estprov-certd; report it with what estprov support-bundle FILE writes. It is tried again by itself", 500, cause);

    private void Fail(Credential credential, ProblemException problem)
    {
        Steps.CountRescue(credential, problem);
        TimeSpan gap;
        int attempt;
        lock (Table.Gate)
        {
            attempt = credential.Failures + 1;
            // Which way an attempt goes depends on how often one has failed (Needs); this one is gone on with.
            if (!LocalTrouble.IsPassing(problem)) credential.Failures = attempt;
            credential.Disappointments++;
            credential.Problem = new CredentialProblem(problem.Message, problem.Hint, problem.Code);
            gap = Gap(credential, problem);
            credential.WaitsSince = _parts.Time.GetTimestamp();
            credential.WaitsFor = gap;
        }

        credential.CountAttempt(AttemptResult.Failed);
        _parts.Events.Failed(credential, problem, attempt, gap);
        KeepWait(credential, problem, gap);
    }

    /// <summary>What a server asked for holds over a restart too. Flash memory wears: short waits are not worth a write.</summary>
    private void KeepWait(Credential credential, ProblemException problem, TimeSpan gap)
    {
        if (problem.RetryAfter is not { } asked || asked < WorthWriting || gap < asked)
        {
            ForgetWait(credential);
            return;
        }

        try
        {
            _parts.Store.WriteWait(new StoredWait(credential.Id, _parts.Clock.Now, gap));
            lock (Table.Gate) credential.WaitStored = true;
        }
        catch (ProblemException full)
        {
            _parts.Events.Note(credential.Id, $"the server's wish for patience could not be kept: {full.ToLogText()}");
        }
    }

    private void ForgetWait(Credential credential)
    {
        lock (Table.Gate)
        {
            if (!credential.WaitStored) return;
            credential.WaitStored = false;
        }

        try
        {
            _parts.Store.DeleteWait(credential.Id);
        }
        catch (ProblemException)
        {
            // It is over by its own time.
            return;
        }
    }

    private TimeSpan Gap(Credential credential, ProblemException problem)
    {
        if (LocalTrouble.IsPassing(problem)) return credential.LocalBackoff.Next();
        var jitter = _parts.Random.NextDouble();
        // With a rescue somebody stands by.
        return credential is { Current: { } current, KeyMissing: false, Rescue: null }
            ? AttemptGap.OfRenewal(credential.Policy, credential.Failures, current.NotBefore, current.NotAfter, _parts.Clock.Now, jitter, problem.RetryAfter)
            : AttemptGap.OfFirstIssue(++credential.FirstIssueFailures, jitter, problem.RetryAfter);
    }

    /// <summary>What a credential is issued with; null for none, and where the configuration lacks it, which its own attempt reports.</summary>
    private Credential? Needed(Credential credential)
    {
        if (credential.Issuance is not { } issuance) return null;
        if (issuance.Method == Configuration.Certd.IssuanceMethod.DeviceCa && Table.DeviceCa is null) return null;
        var needed = Identities.NeededFor(credential.Id, issuance.Method);
        return ReferenceEquals(needed, credential) ? null : needed;
    }

    private void Tick()
    {
        try
        {
            LookAround();
        }
#pragma warning disable CA1031 // Whatever it is: an exception here would end the process, and a tick without a next one all renewal.
        catch (Exception cause)
#pragma warning restore CA1031
        {
            Log.TickFailed(_log, cause.GetType().Name);
        }

        Evaluate();
    }

    private void LookAround()
    {
        if (_stop.IsCancellationRequested) return;
        NoticeClockChange();
        _trust.Look(_stop.Token);
        List<Credential> credentials;
        lock (Table.Gate) credentials = [.. Table.Credentials];
        foreach (var credential in credentials)
        {
            bool busy;
            lock (Table.Gate)
            {
                busy = credential.Busy;
                // keyd may have the key of the operator's file by now.
                if (!busy && credential.RejectedOperatorFile is { } rejected && rejected == credential.Operator?.OperatorFile) credential.Recovered = false;
            }

            if (busy) continue;
            Table.RefreshOperatorFile(credential);
            EndOldRescue(credential);
        }

        _parts.Distrusted?.PutStartsRight();
        Replacements.JudgeAll();
        Announcements.Look();
    }

    private void EndOldRescue(Credential credential)
    {
        if (credential.Rescue is { } grant && _parts.Rescue?.IsOver(grant) == true) Steps.EndRescue(credential, "its time is over");
    }

    /// <summary>When the clock was set, or the device slept, waiting times that were reckoned by the old one mean nothing.</summary>
    private void NoticeClockChange()
    {
        lock (Table.Gate)
        {
            var (wall, timestamp) = (_parts.Time.GetUtcNow(), _parts.Time.GetTimestamp());
            var moved = wall - _wallSeen - _parts.Time.GetElapsedTime(_timestampSeen, timestamp);
            (_wallSeen, _timestampSeen) = (wall, timestamp);
            if (moved.Duration() < ClockTolerance) return;
            Log.ClockChanged(_log, (long)moved.TotalSeconds);
            foreach (var credential in Table.Credentials)
            {
                if (credential.Pending is null) credential.WaitsFor = TimeSpan.Zero;
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "the clock has moved by {Seconds} s against the time that passed: all certificates are looked at again")]
        public static partial void ClockChanged(ILogger logger, object seconds);

        [LoggerMessage(3, LogLevel.Error, "looking at the certificates failed: unexpected {Exception}; it is tried again in 5 minutes at the latest")]
        public static partial void TickFailed(ILogger logger, string exception);

        [LoggerMessage(2, LogLevel.Error, "certificate '{Id}': no thread could be started for it; it is looked at again in 10 s")]
        public static partial void NoThread(ILogger logger, string id);
    }
}
