using EstProv.Platform;

namespace EstProv.Identity.Provisioning;

internal enum ProvisioningPhase
{
    /// <summary>The certificate is not there yet.</summary>
    WaitingForCertificate,

    /// <summary>DPS is being asked.</summary>
    Registering,

    /// <summary>The last attempt failed, the next is due at <see cref="ProvisioningSnapshot.NextAttempt"/>.</summary>
    WaitingToRetry,

    /// <summary>Nothing to do until something changes.</summary>
    Settled,
}

/// <summary>How provisioning stands at one moment. Immutable.</summary>
internal sealed record ProvisioningSnapshot
{
    public required ProvisioningPhase Phase { get; init; }

    /// <summary>What is served to callers; null while the device is not provisioned. It stays while it is being renewed.</summary>
    public ProvisionedState? Provisioned { get; init; }

    /// <summary>In words: what is waited for; empty when settled.</summary>
    public string WaitingFor { get; init; } = "";

    /// <summary>What the last attempt failed with; null once one has succeeded.</summary>
    public ProblemException? Problem { get; init; }

    /// <summary>Registrations tried since the last success.</summary>
    public int Attempt { get; init; }

    public DateTimeOffset? NextAttempt { get; init; }

    /// <summary>Requests to register again that have been dealt with, well or not.</summary>
    public int Reprovisions { get; init; }
}
