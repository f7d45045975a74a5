namespace EstProv.Simulator.Dps;

/// <summary>
/// An error of DPS: HTTP status, its six-digit code, its message; the detail is only for the simulator's log. The documentation
/// (learn.microsoft.com/azure/iot-dps/how-to-troubleshoot-dps) names classes of codes by status; 401002, 404201 and 429001 are as seen of the
/// service.
/// </summary>
internal sealed record DpsRefusal(int Status, int Code, string Message, string? Detail = null)
{
    public static DpsRefusal Unauthorized(string detail) => new(401, 401002, "Unauthorized", detail);

    public static DpsRefusal Throttled() => new(429, 429001, "Operations are being throttled for this tenant. Please try again later.");

    /// <summary>What a status says when nothing more is known, for faults.</summary>
    public static DpsRefusal Of(int status) => status switch
    {
        401 => new(401, 401002, "Unauthorized"),
        404 => new(404, 404201, "Resource not found."),
        429 => Throttled(),
        500 => new(500, 500001, "Internal server error."),
        503 => new(503, 503001, "Service unavailable."),
        _ => new(status, (status * 1000) + 1, "The request failed."),
    };
}
