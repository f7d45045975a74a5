using System.Text.Json.Nodes;
using EstProv.Simulator.Faults;

namespace EstProv.Simulator.Dps;

/// <summary>A registration under way, or done.</summary>
internal sealed class DpsOperation
{
    public int PollsLeft;

    public required string Id { get; init; }

    public required string RegistrationId { get; init; }

    public required DpsAttested Attested { get; init; }

    public required string ApiVersion { get; init; }

    /// <summary>What the device has sent for a custom allocation.</summary>
    public JsonNode? Payload { get; init; }

    public FaultRule? Fault { get; init; }

    public DpsRegistration? Result { get; set; }
}
