namespace EstProv.Identity.Dps;

/// <summary>One registration, and all that its messages must name.</summary>
internal sealed record DpsRequest
{
    /// <summary>DPS's global endpoint, such as <c>https://global.azure-devices-provisioning.net</c>.</summary>
    public required Uri Endpoint { get; init; }

    public required string ScopeId { get; init; }

    public required string RegistrationId { get; init; }

    /// <summary>What is shown, in words: the certificate's id, subject and issuer, or the symmetric key's id.</summary>
    public required string Credential { get; init; }

    /// <summary>What to see to when DPS does not accept that.</summary>
    public required string UnauthorizedHint { get; init; }

    /// <summary>For a custom allocation policy; null for none.</summary>
    public DpsPayload? Payload { get; init; }

    public const string ApiVersion = "2021-06-01";

    public Uri RegisterUrl => At("register");

    public Uri OperationUrl(string operationId) => At("operations/" + Uri.EscapeDataString(operationId));

    private Uri At(string what)
        => new(Endpoint, $"{Endpoint.AbsolutePath.TrimEnd('/')}/{Uri.EscapeDataString(ScopeId)}/registrations/" +
            $"{Uri.EscapeDataString(RegistrationId)}/{what}?api-version={ApiVersion}");
}
