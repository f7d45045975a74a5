using EstProv.Platform;

namespace EstProv.Certificates.Rescue;

/// <summary>What a rescue file gives.</summary>
internal enum RescueAllowance
{
    /// <summary><c>bootstrap</c>: the bootstrap identity may be used once.</summary>
    Bootstrap,

    /// <summary><c>one-time</c>: a user name and a password for one enrolment.</summary>
    OneTime,

    /// <summary><c>anchors</c>: certificates that EST servers are verified by besides.</summary>
    Anchors,
}

/// <summary>A rescue file's content, as <see cref="RescueText"/> reads it.</summary>
internal sealed class RescueOrder : IDisposable
{
    /// <summary>Used once; 1 to 64 visible characters.</summary>
    public required string Serial { get; init; }

    /// <summary>Common names of the devices that it is for.</summary>
    public required IReadOnlyList<string> Devices { get; init; }

    /// <summary>SHA-256 over SubjectPublicKeyInfos of the devices that it is for, hexadecimal in lower case.</summary>
    public required IReadOnlyList<string> DeviceKeys { get; init; }

    public required DateTimeOffset NotBefore { get; init; }

    public required DateTimeOffset NotAfter { get; init; }

    public required RescueAllowance Allow { get; init; }

    public string? Username { get; init; }

    public LockedSecret? Password { get; init; }

    /// <summary>PEM, for <see cref="RescueAllowance.Anchors"/>.</summary>
    public string Anchors { get; init; } = "";

    public void Dispose() => Password?.Dispose();
}
