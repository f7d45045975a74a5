namespace EstProv.Identity.Provisioning;

/// <summary>The problems' codes when a credential is proved at a hub.</summary>
internal static class HubProofCodes
{
    /// <summary>What the codes of <see cref="Est.Transport.VerifiedConnection"/> begin with here.</summary>
    public const string Codes = "hub";

    public const string Unauthorized = "hub_unauthorized";
    public const string Forbidden = "hub_forbidden";
    public const string NotFound = "hub_not_found";
    public const string Throttled = "hub_throttled";
    public const string ServerError = "hub_server_error";
    public const string BadAnswer = "hub_bad_answer";
    public const string TlsAlert = "hub_tls_alert";
}
