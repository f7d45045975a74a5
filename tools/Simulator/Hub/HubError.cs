namespace EstProv.Simulator.Hub;

/// <summary>
/// An error of IoT Hub: HTTP status, its code as name and number (learn.microsoft.com/azure/iot-hub/troubleshoot-error-codes), its message; the
/// detail is only for the simulator's log.
/// </summary>
internal sealed record HubError(int Status, int Number, string Code, string Message, string? Detail = null)
{
    /// <summary>Answered as <c>{"errorCode", "message", "trackingId", "timestampUtc"}</c>, the newer of the service's two forms.</summary>
    public bool IsNumbered { get; init; }

    public static HubError Unauthorized(string detail) => new(401, 401002, "IotHubUnauthorizedAccess", "Unauthorized", detail);

    public static HubError DeviceDisabled() => new(403, 403012, "DeviceDisabled", "The device has been disabled.");

    public static HubError NotFound() => new(404, 404000, "GenericNotFound", "no such resource");

    public static HubError DeviceNotFound(string device) => new(404, 404001, "DeviceNotFound", $"device {device} is not registered");

    public static HubError ModuleNotFound(string module) => new(404, 404010, "ModuleNotFound", $"module {module} is not registered");

    public static HubError MethodNotAllowed() => new(405, 405000, "GenericMethodNotAllowed", "method not allowed");

    public static HubError ArgumentInvalid(string message) => new(400, 400004, "ArgumentInvalid", message);

    public static HubError PreconditionFailed() => new(412, 412001, "PreconditionFailed", "PreconditionFailed, ETag may be invalid.");

    public static HubError MessageLockLost() => new(412, 412002, "DeviceMessageLockLost", "the message is locked no longer, or by another");

    public static HubError MessageTooLarge() => new(413, 413001, "MessageTooLarge", "the message is larger than 256 KB");

    public static HubError TooManyModules() => new(413, 413003, "TooManyModulesOnDevice", "a device has at most 50 modules");

    public static HubError ModuleExists(string device, string hub, string module)
    {
        var text = $"Device {device} in IotHub {hub.Split('.')[0]} already contains Module {module}.";
        return new HubError(409, 409301, "ModuleAlreadyExistsOnDevice", text) { IsNumbered = true };
    }

    /// <summary>What a status says when nothing more is known, for faults.</summary>
    public static HubError Of(int status) => status switch
    {
        400 => ArgumentInvalid("Bad request."),
        401 => new(401, 401002, "IotHubUnauthorizedAccess", "Unauthorized"),
        403 => new(403, 403002, "IotHubQuotaExceeded", "Total number of messages on IotHub exceeded the allocated quota."),
        404 => new(404, 404001, "DeviceNotFound", "the device is not registered"),
        412 => PreconditionFailed(),
        429 => new(429, 429001, "ThrottlingException", "The request has been throttled. Wait 10 seconds and try again."),
        500 => new(500, 500001, "ServerError", "A server-side error occurred."),
        503 => new(503, 503001, "ServiceUnavailable", "The service is unavailable."),
        _ => new(status, status * 1000, "Generic", "The request failed."),
    };
}
