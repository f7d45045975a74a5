using System.Text.Json.Nodes;

namespace EstProv.Simulator.Dps;

/// <summary>
/// An individual enrolment (a registration id) or an enrolment group (a group id), with the names of the service's REST interface
/// (learn.microsoft.com/rest/api/iot-dps/service/individual-enrollment, …/enrollment-group), flattened.
/// </summary>
public sealed record DpsEnrollment
{
    /// <summary>The X.509 group that is always there; its CAs are those of <c>POST /trust</c>.</summary>
    public const string BuiltInGroup = "devices";

    /// <summary>Of an individual enrolment; null = a group.</summary>
    public string? RegistrationId { get; init; }

    /// <summary>Of a group; null = an individual enrolment.</summary>
    public string? EnrollmentGroupId { get; init; }

    public DpsAttestationType Attestation { get; init; }

    /// <summary>Symmetric key: base64 of 16 to 64 bytes. A group's devices use HMAC-SHA256(key, registration id) as theirs.</summary>
    public string? PrimaryKey { get; init; }

    public string? SecondaryKey { get; init; }

    /// <summary>Individual X.509: SHA-1 or SHA-256 of the device certificate, hex; up to two.</summary>
    public IReadOnlyList<string> Thumbprints { get; init; } = [];

    /// <summary>X.509 group: PEM of its CAs; null = for the built-in group those of <c>POST /trust</c>.</summary>
    public string? Authorities { get; init; }

    public ProvisioningStatus ProvisioningStatus { get; init; }

    /// <summary>
    /// Null = none was set: <see cref="ReprovisionPolicy.Migrate"/>, and <see cref="ReprovisionPolicy.Never"/> for a client of an api-version
    /// before the policies.
    /// </summary>
    public ReprovisionPolicy? Reprovision { get; init; }

    /// <summary>The hub to assign to; null = the simulator's default.</summary>
    public string? IotHubHostName { get; init; }

    /// <summary>Individual: the device id in the hub; null = the registration id.</summary>
    public string? DeviceId { get; init; }

    /// <summary>The device's capability in its hub.</summary>
    public bool IotEdge { get; init; } = true;

    /// <summary>What a custom allocation returns to the device; null = nothing.</summary>
    public JsonNode? Payload { get; init; }

    internal string Name => RegistrationId ?? EnrollmentGroupId ?? "";
}
