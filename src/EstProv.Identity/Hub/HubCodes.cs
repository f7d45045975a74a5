using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Identity.Hub;

/// <summary>The <see cref="ProblemException.Code"/>s of requests to IoT Hub, and what each means for what is done next.</summary>
internal static class HubCodes
{
    /// <summary>What the codes of <see cref="Est.Transport.VerifiedConnection"/> begin with here.</summary>
    public const string Codes = "hub";

    public const string Unreachable = "hub_unreachable";
    public const string Timeout = "hub_timeout";
    public const string Reset = "hub_reset";
    public const string Dns = "hub_dns";
    public const string Proxy = "hub_proxy";
    public const string BadAnswer = "hub_bad_answer";
    public const string BadRequest = "hub_bad_request";
    public const string Unauthorized = "hub_unauthorized";
    public const string Forbidden = "hub_forbidden";
    public const string DeviceNotFound = "hub_device_not_found";
    public const string Quota = "hub_quota";
    public const string Conflict = "hub_conflict";
    public const string Changed = "hub_changed";
    public const string Throttled = "hub_throttled";
    public const string ServerError = "hub_server_error";
    public const string TlsAlert = "hub_tls_alert";

    /// <summary>The hub has no such module.</summary>
    public const string ModuleNotFound = "module_not_found";

    /// <summary>The hub judged what the device shows and did not want it: the one case in which registering again may help.</summary>
    public static bool IsCredentialRefused(ProblemException problem)
        => problem.Code is Unauthorized or Forbidden or DeviceNotFound or TlsAlert;

    /// <summary>The hub has not answered the question: what it said last is the best that is known.</summary>
    public static bool IsOffline(ProblemException problem)
        => problem.Code is Unreachable or Timeout or Reset or Dns or Proxy or BadAnswer or Throttled or ServerError
            || LocalTrouble.IsPassing(problem)
            || problem.Code.StartsWith("hub_tls_", StringComparison.Ordinal) && problem.Code != TlsAlert;

    /// <summary>It concerns one module; another one may fare better.</summary>
    public static bool IsOfOneModule(ProblemException problem)
        => problem.Code is BadRequest or Conflict or Changed or ModuleNotFound or Quota;
}
