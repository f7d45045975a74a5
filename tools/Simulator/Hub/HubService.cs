using System.Text.Json.Nodes;

namespace EstProv.Simulator.Hub;

/// <summary>
/// IoT Hub as a device sees it over HTTPS: its own identity, its modules in the registry, and device-to-cloud messages
/// (learn.microsoft.com/rest/api/iothub).
/// </summary>
internal sealed class HubService(SimulatorOptions options, DeviceRegistry registry, HubAuthenticator authenticator, SimulatorClock clock) : IService
{
    private const int MaxModules = 50;
    private const int LargestMessage = 256 * 1024;

    public void Classify(Exchange exchange)
    {
        (exchange.Route, exchange.Label) = exchange.Segments switch
        {
            ["devices", var id] => ("device", id),
            ["devices", var id, "modules"] => ("modules", id),
            ["devices", var id, "modules", _] => ("module", id),
            ["devices", var id, "messages", "events"] => ("events", id),
            ["devices", var id, "modules", _, "messages", "events"] => ("events", id),
            _ => ("unknown", null),
        };
    }

    public async Task HandleAsync(Exchange exchange)
    {
        if (exchange.Label is not { } deviceId)
        {
            await ErrorAsync(exchange, 404, "ResourceNotFound", "no such resource");
            return;
        }

        if (!IsVersion(exchange.Request.Query["api-version"]))
        {
            await ErrorAsync(exchange, 400, "InvalidProtocolVersion", "api-version is missing or malformed");
            return;
        }

        var moduleId = exchange.Segments is [_, _, "modules", var id, ..] ? id : null;
        var device = registry.Find(deviceId);
        if (device is not null && !IsItsHub(exchange, device))
        {
            device = null;
        }

        if (authenticator.Refusal(exchange, device, moduleId, out var credential) is { } refused)
        {
            await ErrorAsync(exchange, 401, "IotHubUnauthorizedAccess", "Unauthorized", refused);
            return;
        }

        exchange.Credential = credential;
        await ((exchange.Request.Method, exchange.Route) switch
        {
            ("GET", "device") => exchange.JsonAsync(200, HubJson.Device(device!)),
            ("GET", "modules") => exchange.JsonAsync(200, new JsonArray([.. device!.Modules.Select(m => HubJson.Module(device, m))])),
            ("GET", "module") => GetAsync(exchange, device!, moduleId!),
            ("PUT", "module") => PutAsync(exchange, deviceId, moduleId!),
            ("DELETE", "module") => DeleteAsync(exchange, deviceId, moduleId!),
            ("POST", "events") => EventAsync(exchange, device!, moduleId),
            _ => ErrorAsync(exchange, 405, "MethodNotAllowed", "method not allowed"),
        });
    }

    private Task GetAsync(Exchange exchange, HubDevice device, string moduleId)
        => Module(device, moduleId) is { } module ? exchange.JsonAsync(200, HubJson.Module(device, module)) : NoModuleAsync(exchange, moduleId);

    private async Task PutAsync(Exchange exchange, string deviceId, string moduleId)
    {
        if (await exchange.JsonBodyAsync() is not { } body
            || body["moduleId"]?.ToString() != moduleId
            || (body["deviceId"] is { } given && given.ToString() != deviceId)
            || HubJson.Credential(body["authentication"]) is not { } credential)
        {
            await ErrorAsync(exchange, 400, "ArgumentInvalid", "the body is no module identity of this name");
            return;
        }

        var condition = (string?)exchange.Request.Headers.IfMatch;
        (int Status, string Code)? refusal = null;
        HubModule? result = null;
        var device = registry.Change(deviceId, before =>
        {
            if (before is null)
            {
                refusal = (404, "DeviceNotFound");
                return before;
            }

            var old = Module(before, moduleId);
            refusal = (old, condition) switch
            {
                (null, null) when before.Modules.Count >= MaxModules => (403, "ModuleMaximumReached"),
                (null, not null and not "*") => (412, "PreconditionFailed"),
                (not null, null) => (409, "ModuleAlreadyExistsOnDevice"),
                (not null, not "*") when condition.Trim('"') != old.Etag => (412, "PreconditionFailed"),
                _ => null,
            };
            if (refusal is not null)
            {
                return before;
            }

            result = new HubModule
            {
                ModuleId = moduleId,
                ManagedBy = body["managedBy"]?.ToString() ?? old?.ManagedBy,
                GenerationId = old?.GenerationId ?? registry.NewGeneration(),
                Etag = DeviceRegistry.NewEtag(),
                Authentication = credential,
            };
            return before with { Modules = [.. before.Modules.Where(m => m.ModuleId != moduleId), result] };
        });
        if (refusal is { } no)
        {
            await ErrorAsync(exchange, no.Status, no.Code, "refused");
            return;
        }

        exchange.Note = $"module {moduleId} generation {result!.GenerationId}";
        await exchange.JsonAsync(200, HubJson.Module(device!, result));
    }

    private async Task DeleteAsync(Exchange exchange, string deviceId, string moduleId)
    {
        var condition = (string?)exchange.Request.Headers.IfMatch;
        var found = false;
        var matches = true;
        registry.Change(deviceId, before =>
        {
            if (before is null || Module(before, moduleId) is not { } old)
            {
                return before;
            }

            found = true;
            matches = condition is null or "*" || condition.Trim('"') == old.Etag;
            return matches ? before with { Modules = [.. before.Modules.Where(m => m.ModuleId != moduleId)] } : before;
        });
        if (!found)
        {
            await NoModuleAsync(exchange, moduleId);
        }
        else if (!matches)
        {
            await ErrorAsync(exchange, 412, "PreconditionFailed", "the etag is another");
        }
        else
        {
            await exchange.AnswerAsync(204, null, []);
        }
    }

    private async Task EventAsync(Exchange exchange, HubDevice device, string? moduleId)
    {
        if (moduleId is not null && Module(device, moduleId) is null)
        {
            await NoModuleAsync(exchange, moduleId);
            return;
        }

        var body = await exchange.BodyAsync();
        if (body is null || body.Length > LargestMessage)
        {
            await ErrorAsync(exchange, 413, "MessageTooLarge", "the message is larger than 256 KB");
            return;
        }

        exchange.Note = $"message of {body.Length} bytes";
        await exchange.AnswerAsync(204, null, []);
    }

    private Task NoModuleAsync(Exchange exchange, string moduleId) => ErrorAsync(exchange, 404, "ModuleNotFound", $"module {moduleId} is not registered");

    private Task ErrorAsync(Exchange exchange, int status, string code, string message, string? detail = null)
    {
        exchange.Note = detail ?? message;
        exchange.Http.Response.Headers["iothub-errorcode"] = code;
        return exchange.JsonAsync(status, new JsonObject
        {
            ["Message"] = $"ErrorCode:{code};{message}",
            ["ExceptionMessage"] = $"Tracking ID:{Guid.NewGuid():N}-TimeStamp:{clock.Now.UtcDateTime:MM/dd/yyyy HH:mm:ss}",
        });
    }

    /// <summary>A device lives in one hub; where the client connects by address, there is but the one that it was assigned to.</summary>
    private bool IsItsHub(Exchange exchange, HubDevice device)
    {
        var name = exchange.Request.Host.Host;
        return !options.HubHosts.Contains(name, StringComparer.OrdinalIgnoreCase) || device.Hub.Equals(name, StringComparison.OrdinalIgnoreCase);
    }

    private static HubModule? Module(HubDevice device, string moduleId)
    {
        foreach (var module in device.Modules)
        {
            if (module.ModuleId == moduleId)
            {
                return module;
            }
        }

        return null;
    }

    /// <summary>Hub versions are dates, some with -preview.</summary>
    private static bool IsVersion(string? version)
        => version is { Length: >= 10 } && DateOnly.TryParseExact(version[..10], "yyyy-MM-dd", out _) && (version[10..] is "" or "-preview");
}
