namespace EstProv.Simulator.Hub;

/// <summary>
/// IoT Hub as a device sees it over HTTPS: its own identity, its modules in the registry, and messages both ways
/// (learn.microsoft.com/rest/api/iothub).
/// </summary>
internal sealed class HubService(
    SimulatorOptions options, DeviceRegistry registry, HubAuthenticator authenticator, DeviceMessages messages) : IService
{
    private readonly HubModules _modules = new(registry);
    private readonly HubMessaging _messaging = new(messages);

    public void Classify(Exchange exchange)
    {
        (exchange.Route, exchange.Label) = exchange.Segments switch
        {
            ["devices", var id] => ("device", id),
            ["devices", var id, "modules"] => ("modules", id),
            ["devices", var id, "modules", _] => ("module", id),
            ["devices", var id, "messages", "events"] => ("events", id),
            ["devices", var id, "modules", _, "messages", "events"] => ("events", id),
            ["devices", var id, "messages", var box, ..] when IsDeviceBound(box) => ("devicebound", id),
            _ => ("unknown", null),
        };
    }

    public async Task HandleAsync(Exchange exchange)
    {
        exchange.Http.Response.Headers["x-ms-request-id"] = Guid.NewGuid().ToString();
        if (exchange.Label is not { } deviceId)
        {
            await exchange.ErrorAsync(HubError.NotFound());
            return;
        }

        if (!IsVersion(exchange.Request.Query["api-version"]))
        {
            await exchange.ErrorAsync(new HubError(400, 400001, "InvalidProtocolVersion", "api-version is missing or malformed"));
            return;
        }

        var moduleId = exchange.Segments is [_, _, "modules", var id, ..] ? id : null;
        var device = registry.Find(deviceId);
        if (device is not null && !IsItsHub(exchange, device))
        {
            device = null;
        }

        var refusal = authenticator.Refusal(exchange, device, moduleId, out var admission);
        exchange.Credential = admission?.Credential;
        if (refusal is not null)
        {
            await exchange.ErrorAsync(refusal);
            return;
        }

        await (admission!.IsModule ? AnswerModuleAsync(exchange, device!, moduleId!) : AnswerDeviceAsync(exchange, device!, moduleId));
    }

    public Task FailAsync(Exchange exchange, int status) => exchange.ErrorAsync(HubError.Of(status));

    private Task AnswerDeviceAsync(Exchange exchange, HubDevice device, string? moduleId)
        => (exchange.Request.Method, exchange.Route, exchange.Segments) switch
        {
            ("GET", "device", _) => DeviceAsync(exchange, device),
            ("PUT" or "DELETE", "device", _) => exchange.ErrorAsync(HubError.Unauthorized("a device may not change itself in the registry")),
            ("GET", "modules", _) => HubModules.ListAsync(exchange, device),
            ("GET", "module", _) => HubModules.GetAsync(exchange, device, moduleId!),
            ("PUT", "module", _) => _modules.PutAsync(exchange, device, moduleId!),
            ("DELETE", "module", _) => _modules.DeleteAsync(exchange, device, moduleId!),
            ("POST", "events", _) when moduleId is not null && device.Module(moduleId) is null => exchange.ErrorAsync(HubError.ModuleNotFound(moduleId)),
            ("POST", "events", _) => _messaging.SendAsync(exchange, device, moduleId),
            ("GET", "devicebound", [_, _, _, _]) => _messaging.ReceiveAsync(exchange, device),
            ("DELETE", "devicebound", [_, _, _, _, var token]) => _messaging.CompleteAsync(exchange, device, token),
            ("POST", "devicebound", [_, _, _, _, var token, "abandon"]) => _messaging.AbandonAsync(exchange, device, token),
            (_, "devicebound", not ([_, _, _, _] or [_, _, _, _, _] or [_, _, _, _, _, "abandon"])) => exchange.ErrorAsync(HubError.NotFound()),
            _ => exchange.ErrorAsync(HubError.MethodNotAllowed()),
        };

    private Task AnswerModuleAsync(Exchange exchange, HubDevice device, string moduleId) => (exchange.Request.Method, exchange.Route) switch
    {
        ("GET", "module") => HubModules.GetAsync(exchange, device, moduleId),
        ("POST", "events") => _messaging.SendAsync(exchange, device, moduleId),
        (_, "events") => exchange.ErrorAsync(HubError.MethodNotAllowed()),
        _ => exchange.ErrorAsync(HubError.Unauthorized("a module may read itself and send its messages, no more")),
    };

    private static Task DeviceAsync(Exchange exchange, HubDevice device)
    {
        exchange.Http.Response.Headers.ETag = $"\"{device.Etag}\"";
        return exchange.JsonAsync(200, HubJson.Device(device));
    }

    /// <summary>
    /// A device lives in one hub; where the client connects by address or through a gateway, there is but the one that it was assigned to.
    /// </summary>
    private bool IsItsHub(Exchange exchange, HubDevice device)
    {
        var name = exchange.Request.Host.Host;
        return !options.HubHosts.Contains(name, StringComparer.OrdinalIgnoreCase) || device.Hub.Equals(name, StringComparison.OrdinalIgnoreCase);
    }

    private static bool IsDeviceBound(string segment) => segment.Equals("deviceBound", StringComparison.OrdinalIgnoreCase);

    /// <summary>Hub versions are dates, some with -preview.</summary>
    private static bool IsVersion(string? version)
        => version is { Length: >= 10 } && DateOnly.TryParseExact(version[..10], "yyyy-MM-dd", out _) && (version[10..] is "" or "-preview");
}
