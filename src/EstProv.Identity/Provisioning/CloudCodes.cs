using EstProv.Identity.Dps;
using EstProv.Platform;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// What the <see cref="ProblemException.Code"/>s of DPS, of a hub and of a proof on the device mean for what is done next.
/// </summary>
internal static class CloudCodes
{
    /// <summary>
    /// The credential was judged and not wanted; neither the network nor the enrolment is at fault as far as can be told.
    /// </summary>
    public static bool IsCredentialRefused(ProblemException problem)
        => problem.Code is DpsCodes.Unauthorized or DpsCodes.Forbidden or DpsCodes.TlsAlert
            or HubProofCodes.Unauthorized or HubProofCodes.TlsAlert or NoneSource.Unproved;

    /// <summary>Somebody has to change something before it can work: asked again after minutes, not seconds.</summary>
    public static bool NeedsSomebody(ProblemException problem)
        => IsCredentialRefused(problem) || problem.Code
            is DpsCodes.Failed or DpsCodes.Disabled or DpsCodes.Unassigned or DpsCodes.NotFound or DpsCodes.BadRequest
            or HubProofCodes.NotFound or HubProofCodes.Forbidden;
}
