using EstProv.Platform;

namespace EstProv.Identity.Dps;

/// <summary>
/// The <see cref="ProblemException.Code"/>s of a registration. What each means for what is done next: <see
/// cref="Provisioning.CloudCodes"/>.
/// </summary>
internal static class DpsCodes
{
    /// <summary>What the codes of <see cref="Est.Transport.VerifiedConnection"/> begin with here.</summary>
    public const string Codes = "dps";

    public const string Unreachable = "dps_unreachable";
    public const string Timeout = "dps_timeout";
    public const string Reset = "dps_reset";
    public const string BadAnswer = "dps_bad_answer";
    public const string BadRequest = "dps_bad_request";
    public const string Unauthorized = "dps_unauthorized";
    public const string Forbidden = "dps_forbidden";
    public const string NotFound = "dps_not_found";
    public const string Throttled = "dps_throttled";
    public const string ServerError = "dps_server_error";
    public const string TlsAlert = "dps_tls_alert";
    public const string Failed = "dps_failed";
    public const string Disabled = "dps_disabled";
    public const string Unassigned = "dps_unassigned";
    public const string Slow = "dps_slow";

    /// <summary>The same operation may be asked for again.</summary>
    public static bool IsPassing(ProblemException problem)
        => problem.Code is Unreachable or Timeout or Reset or Throttled or ServerError or BadAnswer or Codes + "_dns";
}
