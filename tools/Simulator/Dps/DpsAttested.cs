using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Hub;

namespace EstProv.Simulator.Dps;

/// <summary>A device that has attested: under which enrolment, and by what.</summary>
internal sealed record DpsAttested
{
    public required DpsEnrollment Enrollment { get; init; }

    /// <summary>X.509: the certificate, then its issuers as far as they were looked at; else empty.</summary>
    public IReadOnlyList<X509Certificate2> Path { get; init; } = [];

    /// <summary>Symmetric key: the device's own keys, which its hub is given; else null.</summary>
    public HubCredential? Keys { get; init; }

    /// <summary>For the log.</summary>
    public required string Credential { get; init; }
}
