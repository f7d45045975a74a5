using EstProv.Platform;

namespace EstProv.Identity.Provisioning;

/// <summary>Where the loop says how it stands and the routes read it. Safe from any thread.</summary>
internal sealed class ProvisioningStatus
{
    private readonly object _gate = new();

    /// <summary>Called when another assignment is served, even where it says the same; on any thread, and must not block.</summary>
    public Action? Assigned { get; set; }

    private ProvisioningSnapshot _now = new() { Phase = ProvisioningPhase.WaitingForCertificate };

    public ProvisioningSnapshot Now
    {
        get
        {
            lock (_gate) return _now;
        }
    }

    public void Update(Func<ProvisioningSnapshot, ProvisioningSnapshot> change)
    {
        bool isOther;
        lock (_gate)
        {
            var before = _now.Provisioned;
            _now = change(_now);
            isOther = !ReferenceEquals(_now.Provisioned, before);
            Monitor.PulseAll(_gate);
        }

        if (isOther) Assigned?.Invoke();
    }

    /// <summary>
    /// Blocks until <paramref name="reached"/> holds; returns what holds when it does, or when the time is over or the daemon stops.
    /// </summary>
    public ProvisioningSnapshot WaitUntil(Func<ProvisioningSnapshot, bool> reached, TimeSpan limit, CancellationToken stopping)
    {
        using var wake = stopping.UnsafeRegister(static state =>
        {
            var self = (ProvisioningStatus)state!;
            lock (self._gate) Monitor.PulseAll(self._gate);
        }, this);
        var end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        lock (_gate)
        {
            while (!reached(_now) && !stopping.IsCancellationRequested)
            {
                var left = end - Environment.TickCount64;
                if (left <= 0) break;
                Monitor.Wait(_gate, (int)left);
            }

            return _now;
        }
    }

    /// <summary>The device's identity, or the reason why there is none.</summary>
    /// <exception cref="ProblemException"><c>not_provisioned</c> (503): what is waited for, and what failed last.</exception>
    public ProvisionedState Require()
    {
        var now = Now;
        if (now.Provisioned is { } state) return state;
        var waiting = now.WaitingFor.Length == 0 ? "starting" : now.WaitingFor;
        throw now.Problem is { } problem
            ? new ProblemException("not_provisioned", $"the device is not provisioned yet: {waiting}; last failure: {problem.Message} " +
                $"({problem.Code})", problem.Hint, 503)
            : new ProblemException("not_provisioned", $"the device is not provisioned yet: {waiting}",
                "ask again in a moment, or follow 'estprov provision --wait'", 503);
    }
}
