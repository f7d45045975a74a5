namespace EstProv.Identity.Dps;

/// <summary>One registration, and all that its messages must name.</summary>
internal sealed record DpsRequest
{
    /// <summary>DPS's global endpoint, such as <c>https://global.azure-devices-provisioning.net</c>.</summary>
    public required Uri Endpoint { get; init; }

    public required string ScopeId { get; init; }

    public required string RegistrationId { get; init; }

    /// <summary>The certificate's id, subject and issuer in words.</summary>
    public required string Credential { get; init; }

    /// <summary>The issuer's name, for the hint on what to enrol.</summary>
    public required string Issuer { get; init; }

    public const string ApiVersion = "2021-06-01";

    public Uri RegisterUrl => At("register");

    public Uri OperationUrl(string operationId) => At("operations/" + Uri.EscapeDataString(operationId));

    private Uri At(string what)
        => new(Endpoint, $"{Endpoint.AbsolutePath.TrimEnd('/')}/{Uri.EscapeDataString(ScopeId)}/registrations/{Uri.EscapeDataString(RegistrationId)}/{what}?api-version={ApiVersion}");
}
