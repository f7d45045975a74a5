using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using EstProv.Simulator.Dps;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Hub;

namespace EstProv.Simulator.Control;

/// <summary>The tests' door: plain HTTP on loopback, see tools/Simulator/README.md.</summary>
internal sealed class ControlPlane(SimulatorHost host)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    public async Task HandleAsync(HttpContext http)
    {
        var path = (http.Request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);
        try
        {
            await ((http.Request.Method, path) switch
            {
                ("GET", ["state"]) => WriteAsync(http, ControlState.Of(host)),
                ("GET", ["requests"]) => RequestsAsync(http),
                ("GET", ["faults"]) => WriteAsync(http, host.Faults.Rules),
                ("POST", ["faults"]) => AddFaultsAsync(http),
                ("DELETE", ["faults"]) => DoneAsync(http, host.Faults.Clear),
                ("DELETE", ["faults", var id]) => DoneAsync(http, () => host.Faults.Remove(int.Parse(id, CultureInfo.InvariantCulture))),
                ("POST", ["reset"]) => DoneAsync(http, host.Recorder.Reset),
                ("POST", ["connections", "close"]) => CloseAsync(http),
                ("POST", ["clock"]) => ClockAsync(http),
                ("POST", ["trust"]) => TrustAsync(http),
                ("POST", ["csrattrs"]) => AttributesAsync(http),
                ("POST", ["rollover"]) => RolloverAsync(http),
                ("POST", ["assign"]) => AssignAsync(http),
                ("GET", ["enrollments"]) => WriteAsync(http, host.Enrollments.All),
                ("POST", ["enrollments"]) => PutEnrollmentAsync(http),
                ("DELETE", ["enrollments", var name]) => DoneAsync(http, () => host.Enrollments.Remove(name)),
                ("GET", ["devices", var id, "messages"]) => WriteAsync(http, host.Messages.Received(id)),
                ("POST", ["devices", var id, "messages"]) => SendMessageAsync(http, id),
                ("POST", ["devices", var id]) => ChangeDeviceAsync(http, id),
                ("DELETE", ["devices", var id]) => DoneAsync(http, () => host.Devices.Change(id, _ => null)),
                _ => RefuseAsync(http, StatusCodes.Status404NotFound, "no such route"),
            });
        }
        catch (Exception e) when (e is JsonException or FormatException or CryptographicException)
        {
            await RefuseAsync(http, StatusCodes.Status400BadRequest, e.Message);
        }
    }

    /// <summary><c>GET /requests?after=N&amp;wait=S</c>: waits for a request newer than N where there is none.</summary>
    private async Task RequestsAsync(HttpContext http)
    {
        var after = long.TryParse(http.Request.Query["after"], CultureInfo.InvariantCulture, out var number) ? number : 0;
        if (double.TryParse(http.Request.Query["wait"], CultureInfo.InvariantCulture, out var seconds) && seconds > 0)
        {
            var wait = TimeSpan.FromSeconds(Math.Min(seconds, LongestWait.TotalSeconds));
            await host.Recorder.WaitForAsync(static _ => true, wait, after, http.RequestAborted);
        }

        await WriteAsync(http, new { next = host.Recorder.Last, requests = host.Recorder.Requests(after) });
    }

    private async Task AddFaultsAsync(HttpContext http)
    {
        using var document = await JsonDocument.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted);
        var rules = document.RootElement.ValueKind == JsonValueKind.Array
            ? document.RootElement.Deserialize<FaultRule[]>(StateFile.Json)
            : [document.RootElement.Deserialize<FaultRule>(StateFile.Json)!];
        await WriteAsync(http, new { ids = rules!.Select(host.AddFault).ToArray() });
    }

    private async Task CloseAsync(HttpContext http)
    {
        var body = await ReadAsync<ServiceBody>(http);
        host.CloseConnections(body.Service);
        await DoneAsync(http, static () => { });
    }

    private async Task ClockAsync(HttpContext http)
    {
        var body = await ReadAsync<ClockBody>(http);
        host.Clock.Offset = TimeSpan.FromSeconds(body.OffsetSeconds);
        await WriteAsync(http, new { now = host.Clock.Now });
    }

    private async Task TrustAsync(HttpContext http)
    {
        var body = await ReadAsync<TrustBody>(http);
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(body.Pem);
        host.SetTrust(body.Service, authorities);
        await WriteAsync(http, new { authorities = authorities.Select(a => a.Subject).ToArray() });
    }

    private async Task AttributesAsync(HttpContext http)
    {
        var body = await ReadAsync<AttributesBody>(http);
        _ = Convert.FromBase64String(body.Attributes ?? "");
        host.SetCsrAttributes(body.Label, body.Attributes);
        await DoneAsync(http, static () => { });
    }

    private async Task RolloverAsync(HttpContext http)
    {
        var body = await ReadAsync<RolloverBody>(http);
        if (body.Step == "switch")
        {
            host.SwitchRoot();
        }
        else if (body.Step == "announce")
        {
            host.AnnounceRoot();
        }
        else
        {
            throw new FormatException("step is announce or switch");
        }

        await WriteAsync(http, new { root = host.Pki.Rollover!.Next.Certificate.ExportCertificatePem() });
    }

    private async Task AssignAsync(HttpContext http)
    {
        var body = await ReadAsync<AssignBody>(http);
        host.Registrations.Assign(body.RegistrationId, body.Hub);
        await DoneAsync(http, static () => { });
    }

    private async Task PutEnrollmentAsync(HttpContext http) => await WriteAsync(http, host.Enrollments.Put(await ReadAsync<DpsEnrollment>(http)));

    private async Task SendMessageAsync(HttpContext http, string id)
    {
        var message = await ReadAsync<DeviceMessage>(http);
        _ = Convert.FromBase64String(message.Body);
        await (host.Messages.Enqueue(id, message, host.Clock.Now)
            ? DoneAsync(http, static () => { })
            : RefuseAsync(http, StatusCodes.Status403Forbidden, $"{DeviceMessages.MaxDepth} messages are waiting, and no more may"));
    }

    private async Task ChangeDeviceAsync(HttpContext http, string id)
    {
        var body = await ReadAsync<DeviceBody>(http);
        var device = host.Devices.Change(id, before =>
        {
            var device = before ?? new HubDevice
            {
                DeviceId = id,
                Hub = body.Hub ?? host.AssignedHub,
                GenerationId = host.Devices.NewGeneration(),
                Etag = DeviceRegistry.NewEtag(),
                Authentication = new HubCredential { Type = "sas", PrimaryKey = DeviceRegistry.NewKey(), SecondaryKey = DeviceRegistry.NewKey() },
            };
            return device with
            {
                Hub = body.Hub ?? device.Hub,
                Status = body.Status ?? device.Status,
                Authentication = body.Authentication ?? device.Authentication,
                Etag = DeviceRegistry.NewEtag(),
            };
        });
        await WriteAsync(http, device);
    }

    private static async Task<T> ReadAsync<T>(HttpContext http)
        => await JsonSerializer.DeserializeAsync<T>(http.Request.Body, StateFile.Json, http.RequestAborted) ?? throw new FormatException("a JSON object is due");

    private static Task WriteAsync<T>(HttpContext http, T value)
    {
        http.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(http.Response.Body, value, StateFile.Json, http.RequestAborted);
    }

    private static Task DoneAsync(HttpContext http, Action action)
    {
        action();
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static Task RefuseAsync(HttpContext http, int status, string message)
    {
        http.Response.StatusCode = status;
        return WriteAsync(http, new { message });
    }

    private sealed record ServiceBody(SimulatorService? Service);

    private sealed record ClockBody(double OffsetSeconds);

    private sealed record TrustBody(SimulatorService Service, string Pem);

    private sealed record AttributesBody(string Label, string? Attributes);

    private sealed record RolloverBody(string Step);

    private sealed record AssignBody(string RegistrationId, string Hub);

    private sealed record DeviceBody(string? Hub, string? Status, HubCredential? Authentication);
}
