using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using EstProv.Simulator.Faults;

namespace EstProv.Simulator.Dps;

/// <summary>
/// Device Provisioning Service, device API over HTTPS (learn.microsoft.com/rest/api/iot-dps/device/runtime-registration): register,
/// operation status, registration look-up.
/// </summary>
internal sealed class DpsService(SimulatorOptions options, DpsAttestation attestation, DpsRegistry registry, DpsAllocation allocation) : IService
{
    private static readonly string[] Versions =
    [
        "2017-11-15", "2018-04-01", "2018-09-01-preview", "2018-11-01", "2019-01-15", "2019-03-31", "2020-09-01", "2021-06-01", "2021-10-01",
    ];

    private readonly ConcurrentDictionary<string, DpsOperation> _operations = new(StringComparer.Ordinal);
    private readonly DpsThrottle _throttle = new(options.DpsLimits);

    public void Classify(Exchange exchange)
    {
        (exchange.Route, exchange.Label) = exchange.Segments switch
        {
            [_, "registrations", var id, "register"] => ("register", id),
            [_, "registrations", var id, "operations", _] => ("operation", id),
            [_, "registrations", var id] => ("lookup", id),
            _ => ("unknown", null),
        };
    }

    public async Task HandleAsync(Exchange exchange)
    {
        exchange.Http.Response.Headers["x-ms-request-id"] = Guid.NewGuid().ToString();
        if (Malformed(exchange) is { } malformed)
        {
            await ErrorAsync(exchange, malformed);
            return;
        }

        var id = exchange.Label!;
        if (_throttle.SecondsToWait(exchange.Route, id, exchange.Now) is { } seconds)
        {
            exchange.Http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
            await ErrorAsync(exchange, DpsRefusal.Throttled());
            return;
        }

        if (attestation.Refusal(exchange, id, out var attested) is { } refusal)
        {
            await ErrorAsync(exchange, refusal);
            return;
        }

        exchange.Credential = attested!.Credential;
        await (exchange.Route switch
        {
            "register" => RegisterAsync(exchange, id, attested),
            "operation" => OperationAsync(exchange, id),
            _ => LookUpAsync(exchange, id),
        });
    }

    public Task FailAsync(Exchange exchange, int status) => ErrorAsync(exchange, DpsRefusal.Of(status));

    private DpsRefusal? Malformed(Exchange exchange)
    {
        if (exchange.Label is not { } id)
        {
            return new DpsRefusal(404, 404001, "Resource not found.");
        }

        var method = exchange.Route switch
        {
            "register" => "PUT",
            "operation" => "GET",
            _ => "POST",
        };
        if (exchange.Request.Method != method)
        {
            exchange.Http.Response.Headers.Allow = method;
            return new DpsRefusal(405, 405001, "Method not allowed.");
        }

        if (!Versions.Contains((string?)exchange.Request.Query["api-version"], StringComparer.Ordinal))
        {
            return new DpsRefusal(400, 400001, "Unsupported or missing api-version.");
        }

        if (exchange.Segments[0] != options.ScopeId)
        {
            return new DpsRefusal(404, 404002, "Resource not found.", "unknown scope id " + exchange.Segments[0]);
        }

        if (!RegistrationId.IsValid(id))
        {
            return new DpsRefusal(400, 400004, "Invalid registration id.");
        }

        var type = exchange.Request.ContentType;
        return exchange.Route == "register" && type?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) != true
            ? new DpsRefusal(415, 415001, "Unsupported media type.", type)
            : null;
    }

    private async Task RegisterAsync(Exchange exchange, string id, DpsAttested attested)
    {
        if (await exchange.JsonBodyAsync() is not { } body
            || (body["registrationId"] is { } given && (given is not JsonValue || !RegistrationId.AreSame(given.ToString(), id))))
        {
            await ErrorAsync(exchange, new DpsRefusal(400, 400004, "Bad request.", "body is no registration of this id"));
            return;
        }

        var operation = new DpsOperation
        {
            Id = "4." + RandomNumberGenerator.GetHexString(16, lowercase: true) + "." + Guid.NewGuid(),
            RegistrationId = id,
            Attested = attested,
            ApiVersion = exchange.Request.Query["api-version"].ToString(),
            Payload = body["payload"]?.DeepClone(),
            Fault = exchange.TakeFault(FaultKind.DpsState),
            PollsLeft = options.AssigningPolls,
        };
        _operations[operation.Id] = operation;
        exchange.Note = "assigning";
        await AssigningAsync(exchange, operation);
    }

    private async Task OperationAsync(Exchange exchange, string id)
    {
        if (!_operations.TryGetValue(exchange.Segments[^1], out var operation) || !RegistrationId.AreSame(operation.RegistrationId, id))
        {
            await ErrorAsync(exchange, new DpsRefusal(404, 404209, "Operation not found."));
            return;
        }

        if (operation.Fault?.State == "assigning" || Interlocked.Decrement(ref operation.PollsLeft) >= 0)
        {
            exchange.Note = "assigning";
            await AssigningAsync(exchange, operation);
            return;
        }

        DpsRegistration registration;
        lock (operation)
        {
            registration = operation.Result ??= allocation.Decide(operation);
        }

        exchange.Note = registration.Status + (registration.AssignedHub is { } hub ? " to " + hub : "");
        await exchange.JsonAsync(200, new JsonObject
        {
            ["operationId"] = operation.Id,
            ["status"] = registration.Status,
            ["registrationState"] = DpsJson.State(registration),
        });
    }

    private async Task LookUpAsync(Exchange exchange, string id)
    {
        if (registry.Find(id) is not { } registration)
        {
            await ErrorAsync(exchange, new DpsRefusal(404, 404204, "Registration not found."));
            return;
        }

        exchange.Note = registration.Status;
        await exchange.JsonAsync(200, DpsJson.State(registration));
    }

    private Task AssigningAsync(Exchange exchange, DpsOperation operation)
    {
        exchange.Http.Response.Headers.RetryAfter = (operation.Fault?.RetryAfter ?? options.RetryAfter).ToString(CultureInfo.InvariantCulture);
        exchange.Http.Response.Headers.Location =
            $"https://{exchange.Request.Host}/{options.ScopeId}/registrations/{operation.RegistrationId}/operations/{operation.Id}";
        return exchange.JsonAsync(202, new JsonObject { ["operationId"] = operation.Id, ["status"] = "assigning" });
    }

    private static Task ErrorAsync(Exchange exchange, DpsRefusal refusal)
    {
        exchange.Note = refusal.Detail is null ? refusal.Message : refusal.Message + " " + refusal.Detail;
        exchange.Http.Response.Headers["x-ms-error-code"] = refusal.Code.ToString(CultureInfo.InvariantCulture);
        return exchange.JsonAsync(refusal.Status, new JsonObject
        {
            ["errorCode"] = refusal.Code,
            ["trackingId"] = Guid.NewGuid().ToString(),
            ["message"] = refusal.Message,
            ["timestampUtc"] = DpsJson.Stamp(exchange.Now),
        });
    }
}
