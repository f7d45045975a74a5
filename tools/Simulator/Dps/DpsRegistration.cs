using System.Text.Json.Nodes;

namespace EstProv.Simulator.Dps;

/// <summary>What DPS remembers of a registration id.</summary>
public sealed record DpsRegistration
{
    public required string RegistrationId { get; init; }

    public required string DeviceId { get; init; }

    /// <summary>assigned, failed, disabled, unassigned.</summary>
    public required string Status { get; init; }

    public string? Substatus { get; init; }

    public string? AssignedHub { get; init; }

    public int? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    public required DateTimeOffset Created { get; init; }

    public required DateTimeOffset Updated { get; init; }

    public required string Etag { get; init; }

    /// <summary>SHA-256 thumbprint of the certificate it last registered with, hex; null = it attested by a symmetric key.</summary>
    public string? Thumbprint { get; init; }

    /// <summary>PEM of that certificate, then of its issuer where one was looked at.</summary>
    public string? Certificates { get; init; }

    /// <summary>Subjects of the path that attested, leaf first.</summary>
    public IReadOnlyList<string> Path { get; init; } = [];

    /// <summary>Null = under an individual enrolment.</summary>
    public string? EnrollmentGroupId { get; init; }

    /// <summary>What the device sent with its last registration.</summary>
    public JsonNode? RequestPayload { get; init; }

    /// <summary>What the enrolment's allocation returned.</summary>
    public JsonNode? Payload { get; init; }
}
