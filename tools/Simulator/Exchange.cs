using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Tls;
using Microsoft.AspNetCore.Connections.Features;

namespace EstProv.Simulator;

/// <summary>One request on its way through a service, with what the log will say of it.</summary>
internal sealed class Exchange(HttpContext http, SimulatorService service, ConnectionRecord connection, FaultBoard faults, SimulatorClock clock)
{
    private const int LargestBody = 256 * 1024;
    private TimeSpan _skew;

    public HttpContext Http => http;

    public HttpRequest Request => http.Request;

    public SimulatorService Service => service;

    public ConnectionRecord Connection => connection;

    public ClientIdentity? Client => connection.Client;

    /// <summary>Segments of the path, percent-decoded.</summary>
    public string[] Segments { get; } = (http.Request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The simulator's time, off by what a fault wants: what DPS and the hub judge tokens and certificates by.</summary>
    public DateTimeOffset Now => clock.Now + _skew;

    /// <summary>The time that Date tells. The EST server's is the machine's, whatever it judges by.</summary>
    private DateTimeOffset Told => service == SimulatorService.Est ? DateTimeOffset.UtcNow : Now;

    public string Route { get; set; } = "unknown";

    public string? Label { get; set; }

    public string? Credential { get; set; }

    /// <summary>Digest credentials were right but for their nonce.</summary>
    public bool StaleNonce { get; set; }

    public string? Note { get; set; }

    public string? Fault { get; set; }

    public bool WasReset { get; private set; }

    public FaultPoint Point => new() { Service = service, Route = Route, Label = Label, Client = Client?.Leaf.Subject };

    public FaultRule? TakeFault(params ReadOnlySpan<FaultKind> kinds)
    {
        var rule = faults.Take(Point, kinds);
        if (rule is not null)
        {
            Fault = Fault is null ? rule.Kind.ToString() : Fault + "," + rule.Kind;
        }

        return rule;
    }

    /// <summary>The faults that act before a service sees the request; true = answered.</summary>
    public async Task<bool> FailedAtTheDoorAsync(IService owner)
    {
        if (TakeFault(FaultKind.ClockSkew) is { } skew)
        {
            _skew = TimeSpan.FromSeconds(skew.OffsetSeconds);
        }

        http.Response.Headers.Date = Told.ToString("R", CultureInfo.InvariantCulture);
        if (TakeFault(FaultKind.Delay) is { } delay)
        {
            await Task.Delay(delay.DelayMilliseconds, http.RequestAborted);
        }

        if (TakeFault(FaultKind.Reset) is not null)
        {
            Reset();
            return true;
        }

        if (TakeFault(FaultKind.Status) is { } status)
        {
            RetryAfter(status);
            await (status is { Status: >= 400, Body: null, ContentType: null }
                ? owner.FailAsync(this, status.Status)
                : AnswerAsync(status.Status, status.ContentType ?? "text/plain", Encoding.UTF8.GetBytes(status.Body ?? "")));
            return true;
        }

        return false;
    }

    public void RetryAfter(FaultRule rule)
    {
        if (rule.RetryAfter is { } seconds)
        {
            http.Response.Headers.RetryAfter = rule.RetryAfterDate
                ? Told.AddSeconds(seconds).ToString("R", CultureInfo.InvariantCulture)
                : seconds.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>The body; null = larger than anything that a client has to send, and than a message may be (256 KB).</summary>
    public async Task<byte[]?> BodyAsync()
    {
        using var buffer = new MemoryStream();
        var chunk = new byte[8192];
        int read;
        while ((read = await Request.Body.ReadAsync(chunk, http.RequestAborted)) > 0)
        {
            buffer.Write(chunk, 0, read);
            if (buffer.Length > LargestBody)
            {
                return null;
            }
        }

        return buffer.ToArray();
    }

    /// <summary>The body as a JSON object; null = it is none.</summary>
    public async Task<JsonObject?> JsonBodyAsync()
    {
        try
        {
            return await BodyAsync() is { } bytes ? JsonNode.Parse(bytes) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public Task TextAsync(int status, string text)
    {
        Note ??= text;
        return AnswerAsync(status, "text/plain", Encoding.UTF8.GetBytes(text + "\n"));
    }

    public Task JsonAsync(int status, JsonNode body)
        => AnswerAsync(status, "application/json; charset=utf-8", Encoding.UTF8.GetBytes(body.ToJsonString()));

    public async Task AnswerAsync(int status, string? contentType, byte[] body)
    {
        var response = http.Response;
        response.StatusCode = status;
        if (status == StatusCodes.Status204NoContent)
        {
            return;
        }

        if (TakeFault(FaultKind.WrongContentType) is { } type)
        {
            contentType = type.ContentType ?? "text/html";
        }

        response.ContentType = body.Length == 0 ? null : contentType;
        response.ContentLength = body.Length;
        if (TakeFault(FaultKind.HalfAnswer) is not null)
        {
            response.ContentLength = Math.Max(body.Length, 2);
            await response.Body.WriteAsync(body.AsMemory(0, body.Length / 2));
            await response.Body.FlushAsync();
            http.Abort();
            return;
        }

        await response.Body.WriteAsync(body);
    }

    private void Reset()
    {
        WasReset = true;

        // With lingering off the kernel sends RST instead of FIN.
        if (http.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close(0);
        }

        connection.Context!.Abort();
    }
}
