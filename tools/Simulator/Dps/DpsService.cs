using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Hub;

namespace EstProv.Simulator.Dps;

/// <summary>
/// Device Provisioning Service, device API over HTTPS (learn.microsoft.com/rest/api/iot-dps/device/runtime-registration): register,
/// operation status, registration look-up.
/// </summary>
internal sealed class DpsService : IService
{
    private static readonly string[] Versions =
    [
        "2017-11-15", "2018-04-01", "2018-09-01-preview", "2018-11-01", "2019-01-15", "2019-03-31", "2020-09-01", "2021-06-01", "2021-10-01",
    ];

    private readonly ConcurrentDictionary<string, Operation> _operations = new(StringComparer.Ordinal);
    private readonly SimulatorOptions _options;
    private readonly SimulatorClock _clock;
    private readonly DpsAttestation _attestation;
    private readonly DpsRegistry _registry;
    private readonly DeviceRegistry _devices;
    private readonly Func<string> _hub;

    public DpsService(
        SimulatorOptions options, SimulatorClock clock, DpsAttestation attestation, DpsRegistry registry, DeviceRegistry devices, Func<string> hub)
    {
        _options = options;
        _clock = clock;
        _attestation = attestation;
        _registry = registry;
        _devices = devices;
        _hub = hub;
    }

    public void Classify(Exchange exchange)
    {
        (exchange.Route, exchange.Label) = (exchange.Request.Method, exchange.Segments) switch
        {
            ("PUT", [_, "registrations", var id, "register"]) => ("register", id),
            ("GET", [_, "registrations", var id, "operations", _]) => ("operation", id),
            ("POST", [_, "registrations", var id]) => ("lookup", id),
            _ => ("unknown", null),
        };
    }

    public async Task HandleAsync(Exchange exchange)
    {
        exchange.Http.Response.Headers["x-ms-request-id"] = Guid.NewGuid().ToString();
        if (exchange.Label is not { } id)
        {
            await ErrorAsync(exchange, new DpsRefusal(404, 404001, "Resource not found."));
            return;
        }

        if (!Versions.Contains((string?)exchange.Request.Query["api-version"], StringComparer.Ordinal))
        {
            await ErrorAsync(exchange, new DpsRefusal(400, 400001, "Unsupported or missing api-version."));
            return;
        }

        if (exchange.Segments[0] != _options.ScopeId)
        {
            await ErrorAsync(exchange, new DpsRefusal(404, 404002, "Resource not found.", "unknown scope id " + exchange.Segments[0]));
            return;
        }

        if (!IsRegistrationId(id))
        {
            await ErrorAsync(exchange, new DpsRefusal(400, 400004, "Invalid registration id."));
            return;
        }

        if (_attestation.Refusal(exchange, id, out var path) is { } refusal)
        {
            await ErrorAsync(exchange, refusal);
            return;
        }

        exchange.Credential = "certificate " + path[0].Subject + (path.Count > 3 ? " by " + path[1].Subject : "");
        await (exchange.Route switch
        {
            "register" => RegisterAsync(exchange, id, path),
            "operation" => OperationAsync(exchange, id),
            _ => LookUpAsync(exchange, id),
        });
    }

    private async Task RegisterAsync(Exchange exchange, string id, IReadOnlyList<X509Certificate2> path)
    {
        if (await exchange.JsonBodyAsync() is not { } body
            || (body["registrationId"] is JsonValue given && !string.Equals(given.ToString(), id, StringComparison.OrdinalIgnoreCase)))
        {
            await ErrorAsync(exchange, new DpsRefusal(400, 400004, "Bad request.", "body is no registration of this id"));
            return;
        }

        var operation = new Operation
        {
            Id = "4." + RandomNumberGenerator.GetHexString(16, lowercase: true) + "." + Guid.NewGuid(),
            RegistrationId = id,
            Path = path,
            Fault = exchange.TakeFault(FaultKind.DpsState),
            PollsLeft = _options.AssigningPolls,
        };
        _operations[operation.Id] = operation;
        exchange.Note = "assigning";
        await AssigningAsync(exchange, operation);
    }

    private async Task OperationAsync(Exchange exchange, string id)
    {
        if (!_operations.TryGetValue(exchange.Segments[^1], out var operation) || !SameId(operation.RegistrationId, id))
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
            registration = operation.Result ??= Decide(operation);
        }

        exchange.Note = registration.Status + (registration.AssignedHub is { } hub ? " to " + hub : "");
        await exchange.JsonAsync(200, new JsonObject
        {
            ["operationId"] = operation.Id,
            ["status"] = registration.Status,
            ["registrationState"] = State(registration),
        });
    }

    private async Task LookUpAsync(Exchange exchange, string id)
    {
        if (_registry.Find(id) is not { } registration)
        {
            await ErrorAsync(exchange, new DpsRefusal(404, 404204, "Registration not found."));
            return;
        }

        exchange.Note = registration.Status;
        await exchange.JsonAsync(200, State(registration));
    }

    private DpsRegistration Decide(Operation operation)
    {
        var now = _clock.Now;
        var before = _registry.Find(operation.RegistrationId);
        var status = operation.Fault?.State ?? "assigned";
        var registration = new DpsRegistration
        {
            RegistrationId = operation.RegistrationId,
            DeviceId = before?.DeviceId ?? operation.RegistrationId,
            Status = status,
            Created = before?.Created ?? now,
            Updated = now,
            Etag = Guid.NewGuid().ToString(),
            Thumbprint = operation.Path[0].GetCertHashString(HashAlgorithmName.SHA256),
            Path = [.. operation.Path.Select(c => c.Subject)],
        };
        if (status == "assigned")
        {
            var hub = _registry.HubOf(operation.RegistrationId) ?? _hub();
            var substatus = "initialAssignment";
            if (before?.AssignedHub is { } old)
            {
                substatus = old == hub ? "reprovisionedToInitialAssignment" : "deviceDataMigrated";
            }

            registration = registration with { AssignedHub = hub, Substatus = substatus };
            _devices.Provision(registration.DeviceId, hub, operation.Path[0], _options.HubAuthentication);
        }
        else if (status == "failed")
        {
            registration = registration with
            {
                ErrorCode = operation.Fault!.ErrorCode ?? 400207,
                ErrorMessage = operation.Fault.Message ?? "Custom allocation failed with status code: 400",
            };
        }
        else if (status == "disabled")
        {
            registration = registration with { ErrorCode = operation.Fault!.ErrorCode, ErrorMessage = operation.Fault.Message };
        }

        _registry.Put(registration);
        return registration;
    }

    private Task AssigningAsync(Exchange exchange, Operation operation)
    {
        exchange.Http.Response.Headers.RetryAfter = _options.RetryAfter.ToString(CultureInfo.InvariantCulture);
        exchange.Http.Response.Headers.Location =
            $"https://{exchange.Request.Host}/{_options.ScopeId}/registrations/{operation.RegistrationId}/operations/{operation.Id}";
        return exchange.JsonAsync(202, new JsonObject { ["operationId"] = operation.Id, ["status"] = "assigning" });
    }

    private static JsonObject State(DpsRegistration r)
    {
        var state = new JsonObject
        {
            ["x509"] = new JsonObject { ["enrollmentGroupId"] = "devices" },
            ["registrationId"] = r.RegistrationId,
            ["createdDateTimeUtc"] = Stamp(r.Created),
            ["lastUpdatedDateTimeUtc"] = Stamp(r.Updated),
            ["status"] = r.Status,
            ["etag"] = r.Etag,
        };
        if (r.AssignedHub is not null)
        {
            state["assignedHub"] = r.AssignedHub;
            state["deviceId"] = r.DeviceId;
            state["substatus"] = r.Substatus;
        }

        if (r.ErrorCode is { } code)
        {
            state["errorCode"] = code;
        }

        if (r.ErrorMessage is { } message)
        {
            state["errorMessage"] = message;
        }

        return state;
    }

    private Task ErrorAsync(Exchange exchange, DpsRefusal refusal)
    {
        exchange.Note = refusal.Detail is null ? refusal.Message : refusal.Message + " " + refusal.Detail;
        exchange.Http.Response.Headers["x-ms-error-code"] = refusal.Code.ToString(CultureInfo.InvariantCulture);
        return exchange.JsonAsync(refusal.Status, new JsonObject
        {
            ["errorCode"] = refusal.Code,
            ["trackingId"] = Guid.NewGuid().ToString(),
            ["message"] = refusal.Message,
            ["timestampUtc"] = Stamp(_clock.Now),
        });
    }

    /// <summary>Up to 128 characters: letters, digits, and <c>- . _ :</c>, of which none at the ends.</summary>
    private static bool IsRegistrationId(string id)
    {
        if (id.Length is 0 or > 128 || !char.IsAsciiLetterOrDigit(id[0]) || !char.IsAsciiLetterOrDigit(id[^1]))
        {
            return false;
        }

        foreach (var c in id)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or '_' or ':'))
            {
                return false;
            }
        }

        return true;
    }

    private static bool SameId(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    private static string Stamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);

    private sealed class Operation
    {
        public int PollsLeft;

        public required string Id { get; init; }

        public required string RegistrationId { get; init; }

        public required IReadOnlyList<X509Certificate2> Path { get; init; }

        public FaultRule? Fault { get; init; }

        public DpsRegistration? Result { get; set; }
    }
}
