using EstProv.Platform;

namespace EstProv.LocalApi.Client;

/// <summary>
/// Another daemon of this device has not seen to a request, for reasons that pass: it starts, stops, or has much to do. It says nothing of what was asked for,
/// nor of any server, and costs nobody else anything to be tried again soon.
/// </summary>
public static class LocalTrouble
{
    public static bool IsPassing(ProblemException problem) => problem.Code
        is "keyd_unreachable" or "certd_unreachable" or "identityd_unreachable"
        or "too_many_requests" or "too_many_connections" or "deadline" or "stopping";
}
