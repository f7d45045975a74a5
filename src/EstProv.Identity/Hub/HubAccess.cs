using EstProv.Identity.Provisioning;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Identity.Hub;

/// <summary>
/// Asks the device's hub. Where the hub does not accept the device's credential, the device registers again, once, and the question is
/// asked once more. No other failure has it register: a hub that is not reached says nothing about the credential.
/// </summary>
internal sealed class HubAccess(
    HubConnections connections, ProvisioningStatus status, Func<int?> reprovision, Func<ProvisionedState, string> gateway,
    TimeProvider time)
{
    /// <summary>How long a caller waits for the registration.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly Backoff _gap = new(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(30), Random.Shared);
    private long? _registeredAt;
    private TimeSpan _pause;
    private int _awaited;

    /// <summary>The device's hub.</summary>
    /// <exception cref="ProblemException"><c>not_provisioned</c>; <c>no_hub</c> 400: the device has none.</exception>
    public HubDevice Device => DeviceOf(Require());

    /// <exception cref="ProblemException">
    /// <see cref="HubCodes"/>, <c>not_provisioned</c>, <c>no_hub</c>, the Certificates Service's or the Key Service's.
    /// </exception>
    public async Task<T> AskAsync<T>(Func<HubClient, Task<T>> question, CancellationToken cancel)
    {
        var state = Require();
        try
        {
            return await OnceAsync(state, question, cancel);
        }
        catch (ProblemException refused) when (HubCodes.IsCredentialRefused(refused))
        {
            if (await RegisterAgainAsync(state, cancel) is not { } fresh) throw;
            return await OnceAsync(fresh, question, cancel);
        }
    }

    private async Task<T> OnceAsync<T>(ProvisionedState state, Func<HubClient, Task<T>> question, CancellationToken cancel)
    {
        var answer = await connections.UseAsync(state, DeviceOf(state), question, cancel);
        // The pause itself stands: who is refused and accepted in turn must not register without end.
        lock (_gate) _gap.Reset();
        return answer;
    }

    /// <returns>Null when it was not to be, or did not help.</returns>
    private async Task<ProvisionedState?> RegisterAgainAsync(ProvisionedState refused, CancellationToken cancel)
    {
        int number;
        lock (_gate)
        {
            var now = status.Now;
            if (now.Provisioned is { Auth: not DeviceAuth.None } other && !ReferenceEquals(other, refused)) return other;
            // Of several who are refused at one time the first one asks, and all wait.
            if (_awaited <= now.Reprovisions)
            {
                if (_registeredAt is { } last && time.GetElapsedTime(last) < _pause) return null;
                if (reprovision() is not { } wish) return null;
                _awaited = wish;
                _registeredAt = time.GetTimestamp();
                _pause = _gap.Next();
            }

            number = _awaited;
        }

        var after = await Task.Factory.StartNew(() => status.WaitUntil(now => now.Reprovisions >= number, LongestWait, cancel),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        cancel.ThrowIfCancellationRequested();
        return after is { Provisioned: { Auth: not DeviceAuth.None } state } && !ReferenceEquals(state, refused) ? state : null;
    }

    private HubDevice DeviceOf(ProvisionedState state) => new(state.Hub, gateway(state), state.DeviceId);

    private ProvisionedState Require()
    {
        var state = status.Require();
        return state.Auth is not DeviceAuth.None ? state : throw new ProblemException("no_hub",
            "the device is provisioned without a hub, so that there are no module identities",
            "set another source in [provisioning] of identityd.toml, or ask for identities of the type 'local'", 400);
    }
}
