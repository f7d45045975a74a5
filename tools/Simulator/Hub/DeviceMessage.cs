namespace EstProv.Simulator.Hub;

/// <summary>A message between device and hub; the names are those of the headers <c>iothub-…</c>.</summary>
public sealed record DeviceMessage
{
    /// <summary>As the service back end or the device has sent it, base64.</summary>
    public required string Body { get; init; }

    /// <summary>Null = the device itself.</summary>
    public string? ModuleId { get; init; }

    public string? MessageId { get; init; }

    public string? CorrelationId { get; init; }

    public string? UserId { get; init; }

    public string? ContentType { get; init; }

    public string? ContentEncoding { get; init; }

    /// <summary>Application properties, without the prefix <c>iothub-app-</c>.</summary>
    public IReadOnlyDictionary<string, string> Properties { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
